// Waits until a program that was just started answers requests. It may seem enough that its port accepts connections; however,
// a program may bind a port to see whether it is free, and bind it again later.
import { connect } from 'node:net';
import { pause, type Started } from './processes.ts';
import { requestHeads } from './requests.ts';

const TRIES = 2000;
const INTERVAL_MS = 5;
const [REQUEST = ''] = requestHeads('item');

/** Resolves with the first answer. Rejects after about ten seconds, or when the program has ended. */
export async function untilAnswering(port: number, program: Started): Promise<void> {
  for (let tries = 0; tries < TRIES && program.isRunning(); tries++) {
    if (await answers(port)) return;
    await pause(INTERVAL_MS);
  }
  throw new Error(`nothing answers on port ${port}; the program said: ${program.output()}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(REQUEST, 'latin1'));
    socket.setEncoding('latin1');
    socket.once('data', (text) => {
      resolve(String(text).startsWith('HTTP/1.1 200 '));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
