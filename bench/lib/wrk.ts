// Runs the load generator wrk and reads what it counted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { OTHER_CORE } from './cores.ts';
import type { Load, LoadResult } from './load.ts';

export const CONNECTIONS = 64;

export interface WrkOptions {
  /** `http://host:port`. */
  readonly origin: string;
  /** Script that `writeWrkScript` has written. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends it early: the run rejects. */
  readonly signal: AbortSignal;
}

export function wrkLoad(options: WrkOptions): Load {
  return (seconds) => runWrk(options, seconds);
}

async function runWrk({ origin, script, env, signal }: WrkOptions, seconds: number): Promise<LoadResult> {
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, origin];
  const child = spawn('taskset', ['-c', String(OTHER_CORE), 'wrk', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    signal,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  const line = text.split('\n').find((candidate) => candidate.startsWith('{'));
  if (!line) throw new Error(`wrk said nothing of use: ${text}`);
  return JSON.parse(line) as LoadResult;
}
