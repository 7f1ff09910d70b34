// Starts the programs of a benchmark on chosen cores and ends them by their process id. Knows nothing of what they do.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

export interface StartOptions {
  readonly cores: readonly number[];
  readonly env?: NodeJS.ProcessEnv;
  /** File for what it prints on either output. */
  readonly output: string;
}

export interface Started {
  readonly pid: number;
  isRunning(): boolean;
  /** The last of what it has said. */
  output(): string;
  stop(): Promise<void>;
}

/** Whether a program is on the PATH, also where that of root would find it. */
export function isInstalled(program: string): boolean {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH: path } }).status === 0;
}

/** First line of what a program says when asked for its version. */
export function versionOf(program: string, args: readonly string[]): string {
  const run = spawnSync(program, args, { encoding: 'utf8', env: searchPath() });
  return (
    `${run.stdout}${run.stderr}`
      .split('\n')
      .find((line) => /\d/.test(line))
      ?.trim() ?? 'unknown'
  );
}

/** A port of 127.0.0.1 that nothing has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

/** Starts a program that stays in the foreground. */
export function start(command: readonly string[], { cores, env = {}, output }: StartOptions): Started {
  const file = openSync(output, 'a');
  const child = spawn('taskset', ['-c', cores.join(), ...command], {
    stdio: ['ignore', file, file],
    env: { ...searchPath(), ...env },
  });
  closeSync(file);
  return {
    pid: child.pid as number,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    output: () => readFileSync(output, 'utf8').slice(-2000),
    stop: () => stop(child),
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function searchPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(force);
}
