// The requests of a simulation that are made up: when they come, and from whom.
import type { Random } from '#lib/random.ts';

/** One request as it comes to the gateway. */
export interface SimulatedRequest {
  /** From the start of the simulation. */
  readonly atMs: number;
  readonly method: string;
  /** Host and port the client names. */
  readonly authority: string;
  /** Normalised, without the query. */
  readonly path: string;
  /** `?` and what follows, or ''. */
  readonly query: string;
  readonly client: string;
  /** Field lines, each ended by CRLF. */
  readonly fields: string;
}

/** How arrivals follow each other: by chance, at equal distances, or many at once at equal distances. */
export const ARRIVAL_PATTERNS = ['poisson', 'constant', 'bursts'] as const;

export interface ArrivalPlan {
  readonly pattern: (typeof ARRIVAL_PATTERNS)[number];
  /** Requests a millisecond, in the mean. */
  readonly perMs: number;
  /** Requests that come at once, where they come in bursts. */
  readonly burst: number;
}

export interface TrafficPlan extends ArrivalPlan {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  /** Lines `name: value`; `{client}` in them stands for the number of the client. */
  readonly headers: readonly string[];
  /** Different clients, all as busy as each other: 1 to `MAX_CLIENTS`. */
  readonly clients: number;
}

/** As many as there are addresses in the network they are taken from. */
export const MAX_CLIENTS = 131_072;

/** Times of arrivals in milliseconds, without end. */
export function* arrivalTimes({ pattern, perMs, burst }: ArrivalPlan, random: Random): Generator<number> {
  let now = 0;
  for (let i = 0; ; i++) {
    if (pattern === 'poisson') now += -Math.log(1 - random()) / perMs;
    else if (pattern === 'constant') now = i / perMs;
    else now = (Math.floor(i / burst) * burst) / perMs;
    yield now;
  }
}

/** Requests without end. */
export function* makeTraffic(plan: TrafficPlan, random: Random): Generator<SimulatedRequest> {
  const { method, authority, path, query, headers, clients } = plan;
  const fields = headers.map((line) => `${line}\r\n`).join('');
  const isPersonal = fields.includes('{client}');
  for (const atMs of arrivalTimes(plan, random)) {
    const client = Math.floor(random() * clients);
    yield {
      atMs,
      method,
      authority,
      path,
      query,
      client: clientAddress(client),
      fields: isPersonal ? fields.replaceAll('{client}', String(client)) : fields,
    };
  }
}

/** Of 198.18.0.0/15, the network for benchmarks (RFC 2544). */
function clientAddress(client: number): string {
  return `198.${18 + (client >> 16)}.${(client >> 8) & 255}.${client & 255}`;
}
