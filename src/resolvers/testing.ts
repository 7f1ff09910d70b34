// The test kit for resolvers: runs one in surroundings whose time may pass faster. Not used by the running program.
import type { ResolvedEndpoint, ResolverModule } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';

/** Takes what is to be done after the test, as a test's context does. */
interface CleansUp {
  after(cleanup: () => unknown): unknown;
}

export interface ResolverRun {
  /** Each answer so far, in the form of `describeEndpoint` with spaces in between. */
  readonly answers: readonly string[];
  /** Each warning so far, with its reason. */
  readonly warnings: readonly string[];
  /** Messages of the level `info` so far. */
  readonly notes: readonly string[];
  /** What messages name as their source so far. */
  readonly sources: ReadonlySet<unknown>;
  /** Milliseconds of each timer that was set so far, as the resolver said them. */
  readonly delays: readonly number[];
  /** Resolves when `holds` does. */
  until(holds: () => boolean): Promise<void>;
  stop(): void;
}

const LOOK_MS = 5;

/** How long a timer really takes, in milliseconds. */
export type Pace = (delayMs: number) => number;

/** All timers twenty times as fast but those of deadlines, for which a busy machine needs its time. */
export function hurry(deadlineMs: number): Pace {
  return (delayMs) => (delayMs === deadlineMs ? delayMs : delayMs / 20);
}

/** Only timers of five minutes and more are fast: those that end streams. */
export const hurryStreams: Pace = (delayMs) => (delayMs >= 300_000 ? 200 : delayMs);

/** Runs a resolver with options as they are written, until the test ends. */
export function runResolver(
  t: CleansUp,
  module: ResolverModule,
  options: object,
  pace: Pace = (delayMs) => delayMs,
): ResolverRun {
  const answers: string[] = [];
  const warnings: string[] = [];
  const notes: string[] = [];
  const sources = new Set<unknown>();
  const delays: number[] = [];
  const resolver = module.create(module.options.parse(options), {
    log: {
      debug() {},
      info: (message, fields) => {
        notes.push(message);
        sources.add(fields?.source);
      },
      warn: (message, fields) => {
        warnings.push(`${message}: ${fields?.reason}`);
        sources.add(fields?.source);
      },
      error() {},
    },
    setTimer(callback, delayMs) {
      delays.push(delayMs);
      const timer = setTimeout(callback, pace(delayMs));
      return () => clearTimeout(timer);
    },
    now: () => process.uptime() * 1000,
    random: () => 0.5,
  });
  t.after(() => resolver.stop());
  resolver.start((endpoints) => void answers.push(endpoints.map(describeEndpoint).join(' ')));
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  };
  return { answers, warnings, notes, sources, delays, until, stop: () => resolver.stop() };
}

/** `address*weight@priority` and the zone in parentheses, without what is as it usually is. */
export function describeEndpoint(endpoint: ResolvedEndpoint): string {
  const { weight, priority = 0, zone = '' } = endpoint;
  const parts = [weight === 1 ? '' : `*${weight}`, priority === 0 ? '' : `@${priority}`, zone && `(${zone})`];
  return `${formatAddress(endpoint)}${parts.join('')}`;
}
