// Starts and ends the origins of the demo, each a process of its own.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';

export interface Origin {
  readonly name: string;
  readonly delayMs: number;
  readonly port: number;
  stop(): Promise<void>;
}

const SPEEDS = [
  { name: 'fast', delayMs: 0 },
  { name: 'medium', delayMs: 20 },
  { name: 'slow', delayMs: 80 },
] as const;

/** Starts all of them; they end at the latest with this process. */
export async function startOrigins(): Promise<Origin[]> {
  const started = await Promise.allSettled(SPEEDS.map(({ name, delayMs }) => startOrigin(name, delayMs)));
  const origins = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await stopOrigins(origins);
    throw failed.reason;
  }
  return origins;
}

export async function stopOrigins(origins: readonly Origin[]): Promise<void> {
  await Promise.all(origins.map((origin) => origin.stop()));
}

async function startOrigin(name: string, delayMs: number): Promise<Origin> {
  // The file has the ending of this one: .ts in the project, .js in the published package.
  const file = new URL(`./origin${extname(import.meta.url)}`, import.meta.url);
  const child = fork(file, [name, String(delayMs)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return { name, delayMs, port: await readPort(child, name), stop: () => stop(child) };
}

async function readPort(child: ChildProcess, name: string): Promise<number> {
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  try {
    const [message] = (await once(child, 'message', { signal: ended.signal })) as [{ readonly port: number }];
    return message.port;
  } catch (cause) {
    throw new Error(`the origin ${name} did not start`, { cause });
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
