// Calls the hooks that start upstreams which were scaled to zero: each once at a time, whoever asks for it, and then not for a while.
// Main thread only.
import { execFile } from 'node:child_process';
import type { WakeConfig } from '#config/wake-schema.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';

export interface WakeHooksHost {
  readonly log: Log;
  readonly clock: Clock;
}

export class WakeHooks {
  readonly #host: WakeHooksHost;
  readonly #abort = new AbortController();
  /** By upstream: when the last call ended, by `Clock.now`; infinite while it goes on. */
  readonly #endedAt = new Map<string, number>();

  constructor(host: WakeHooksHost) {
    this.#host = host;
  }

  /** Calls the hook, unless a call of it goes on or has ended too short a time ago. */
  call(upstream: string, wake: WakeConfig | undefined): void {
    const { clock } = this.#host;
    const endedAt = this.#endedAt.get(upstream) ?? Number.NEGATIVE_INFINITY;
    if (!wake || clock.now() - endedAt < wake['cool-down']) return;
    this.#endedAt.set(upstream, Number.POSITIVE_INFINITY);
    void this.#run(upstream, wake).then(() => this.#endedAt.set(upstream, clock.now()));
  }

  /** Ends calls that go on. */
  stop(): void {
    this.#abort.abort();
  }

  async #run(upstream: string, wake: WakeConfig): Promise<void> {
    const { log } = this.#host;
    const timeout = AbortSignal.timeout(wake.timeout);
    const signal = AbortSignal.any([timeout, this.#abort.signal]);
    log.info('requests wait for an upstream: its wake hook is called', { upstream });
    try {
      if (wake.url === undefined) await runCommand(upstream, wake.command ?? [], signal);
      else await post(upstream, wake.url, wake.headers, signal);
      log.info('the wake hook of an upstream has ended well', { upstream });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const reason = timeout.aborted ? 'timeout' : reasonOf(error);
      log.error('the wake hook of an upstream failed', { upstream, reason });
    }
  }
}

function runCommand(upstream: string, [program = '', ...args]: readonly string[], signal: AbortSignal): Promise<void> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TIDEGATE_UPSTREAM: upstream };
  return new Promise((resolve, reject) => {
    execFile(program, args, { signal, env, killSignal: 'SIGKILL', maxBuffer: 65536 }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

async function post(
  upstream: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ upstream }),
    redirect: 'error',
    signal,
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`status ${response.status}`);
}

function reasonOf(error: unknown): string {
  const { code, message, cause } = error as Error & { code?: unknown; cause?: { code?: string } };
  return typeof code === 'number' ? `the command ended with ${code}` : String(cause?.code ?? code ?? message);
}
