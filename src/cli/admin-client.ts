// Calls the admin API of a running gateway for the commands, and tells its failures in words.
import { Option } from 'commander';
import type { Problem } from '#schema/admin-schemas.ts';
import { CommandError, EXIT } from './exit-codes.ts';

const TIMEOUT_MS = 30_000;

export interface AdminOptions {
  readonly admin: string;
  readonly token?: string | undefined;
}

export function adminOption(): Option {
  return new Option('--admin <url>', 'where the admin API listens')
    .default('http://127.0.0.1:9900')
    .env('TIDEGATE_ADMIN');
}

export function tokenOption(): Option {
  return new Option('--token <token>', 'admin.token of the configuration').env('TIDEGATE_ADMIN_TOKEN');
}

export interface CallOptions {
  /** What is sent as JSON. */
  readonly content?: unknown;
  readonly timeoutMs?: number;
  /** What to say when there is no answer in time to a call that the gateway goes on with; else it counts as one that cannot be reached. */
  readonly unfinished?: string;
}

/** Calls `path`, which begins with a slash. Resolves with the JSON of a success; all else is a `CommandError`. */
export async function callAdmin(
  options: AdminOptions,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { content: sent, timeoutMs = TIMEOUT_MS, unfinished }: CallOptions = {},
): Promise<unknown> {
  const url = adminUrl(options.admin, path);
  const headers: Record<string, string> = {
    ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
    ...(sent !== undefined && { 'content-type': 'application/json' }),
  };
  const body = sent === undefined ? null : JSON.stringify(sent);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { method, headers, body, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    text = await response.text();
  } catch (cause) {
    if (unfinished !== undefined && isTimeout(cause)) throw new CommandError(EXIT.unfinished, unfinished, { cause });
    const message = `cannot reach the admin API at ${url.origin}: ${reasonOf(cause)}. Is the gateway running? (--admin URL)`;
    throw new CommandError(EXIT.unavailable, message, { cause });
  }
  const content = parseJson(text);
  if (content === undefined) throw new CommandError(EXIT.unavailable, `${url.origin} is not an admin API of Tidegate.`);
  if (!response.ok) throw new CommandError(EXIT.bad, describe(content as Partial<Problem>, response.status));
  return content;
}

function adminUrl(admin: string, path: string): URL {
  const base = /^https?:\/\//.test(admin) ? admin : `http://${admin}`;
  try {
    return new URL(path, base);
  } catch {
    throw new CommandError(EXIT.usage, `--admin: not a URL or address: ${admin}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe(problem: Partial<Problem>, status: number): string {
  if (status === 401)
    return 'the token is missing or wrong: give the admin.token of the configuration as --token TOKEN or TIDEGATE_ADMIN_TOKEN';
  return [problem.detail ?? `the admin API answered ${status}`, ...(problem.problems ?? [])].join('\n');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isTimeout(error)) return 'no answer in time';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ECONNREFUSED') return 'connection refused';
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
