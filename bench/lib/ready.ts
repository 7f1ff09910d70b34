// Waits until a program that was just started answers requests. It may seem enough that its port accepts connections; however,
// a program may bind a port to see whether it is free, and bind it again later.
import { openClient } from './bench-client.ts';
import { pause, type Started } from './processes.ts';
import type { Protocol } from './protocol.ts';
import { requestHeads } from './requests.ts';

const TRIES = 2000;
const INTERVAL_MS = 5;
const [REQUEST = ''] = requestHeads('item');

/** Resolves with the first answer. Rejects after about ten seconds, or when the program has ended. */
export async function untilAnswering(port: number, program: Started, protocol: Protocol = 'http'): Promise<void> {
  for (let tries = 0; tries < TRIES && program.isRunning(); tries++) {
    if (await answers(port, protocol)) return;
    await pause(INTERVAL_MS);
  }
  throw new Error(`nothing answers on port ${port}; the program said: ${program.output()}`);
}

async function answers(port: number, protocol: Protocol): Promise<boolean> {
  const client = openClient(port, protocol);
  try {
    return (await client.ask(REQUEST)).status === 200;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
