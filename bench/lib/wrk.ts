// Runs the load generator wrk and reads what it counted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { OTHER_CORE } from './cores.ts';

export const CONNECTIONS = 64;

export interface Load {
  readonly port: number;
  /** Script that `writeWrkScript` has written. */
  readonly script: string;
  readonly seconds: number;
  /** Ends it early: the run rejects. */
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly durationUs: number;
  /** Responses other than 2xx or 3xx, and connections that failed. */
  readonly failed: number;
}

export async function runWrk({ port, script, seconds, signal }: Load): Promise<LoadResult> {
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`];
  const child = spawn('taskset', ['-c', String(OTHER_CORE), 'wrk', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
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
