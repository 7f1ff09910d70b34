// Runs the HTTP/2 load generator h2load and reads what it printed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { OTHER_CORE } from './cores.ts';
import type { Load, LoadResult } from './load.ts';

export const H2_CONNECTIONS = 16;
export const H2_STREAMS = 32;

export interface H2LoadOptions {
  readonly port: number;
  /** A file of URIs, one a line, which are asked for in turn. */
  readonly uris: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Ends it early: the run rejects. */
  readonly signal: AbortSignal;
}

export function h2Load({ port, uris, fields, signal }: H2LoadOptions): Load {
  return async (seconds) => {
    const options = [
      ...['-t1', `-c${H2_CONNECTIONS}`, `-m${H2_STREAMS}`, `-D${seconds}s`],
      `--connect-to=127.0.0.1:${port}`,
      `--input-file=${uris}`,
      ...fields.map(([name, value]) => `--header=${name}: ${value}`),
    ];
    const child = spawn('taskset', ['-c', String(OTHER_CORE), 'h2load', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal,
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(child, 'close');
    return readResult(text, seconds);
  };
}

/** Reads `requests: 10 total, 10 started, 10 done, 10 succeeded, 0 failed, 0 errored, 0 timeout` and `status codes: 10 2xx, ...`. */
function readResult(text: string, seconds: number): LoadResult {
  const count = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const requests = count(/^requests: .*?(\d+) done/m);
  const failed = count(/ (\d+) failed/) + count(/, (\d+) 4xx/) + count(/, (\d+) 5xx/);
  if (!(requests > 0) || Number.isNaN(failed)) throw new Error(`h2load said nothing of use: ${text}`);
  return { requests, durationUs: seconds * 1e6, failed };
}
