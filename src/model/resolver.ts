// The extension point of discovery: finds the endpoints behind a name. Runs on the main thread.
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import { lazyOptions, type WithOptions } from '#schema/lazy-options.ts';
import type { Schema } from '#schema/schema.ts';

export interface ResolvedEndpoint {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
  readonly weight: number;
  /** 0 where it is left out. */
  readonly priority?: number;
  /** None where it is left out. */
  readonly zone?: string;
  /** None where they are left out. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ResolverHost {
  readonly log: Log;
  /** Sets a timer that does not keep the process alive; returns how to clear it. */
  setTimer(callback: () => void, delayMs: number): () => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: Random;
}

export interface Resolver {
  /** Starts; `update` is called with each new answer, also with the first, but not before `start` has returned. */
  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void;
  stop(): void;
}

export interface ResolverModule<Options = unknown> {
  readonly type: string;
  readonly summary: string;
  readonly options: Schema<Options>;
  create(options: Options, host: ResolverHost): Resolver;
}

export function defineResolver<Options>(module: WithOptions<ResolverModule<Options>>): ResolverModule<Options> {
  return lazyOptions(module);
}
