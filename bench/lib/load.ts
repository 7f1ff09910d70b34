// What a load generator is asked for and what it tells. `wrk.ts` and `h2load.ts` are two.

export interface LoadResult {
  readonly requests: number;
  readonly durationUs: number;
  /** Responses other than 2xx or 3xx, and connections that failed. */
  readonly failed: number;
}

/** Sends requests for so many seconds, as fast as they are answered. */
export type Load = (seconds: number) => Promise<LoadResult>;
