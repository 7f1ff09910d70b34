// Tunnels whose endpoint is to be left: one that drains, or is no more part of its upstream, keeps them for a time, and then they are told
// to go. How they go is theirs.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import type { Endpoint } from '#model/upstream.ts';

/** A tunnel as far as it matters here. */
export interface Stay {
  readonly upstream: string;
  readonly endpoint: string;
  /** How long it may stay from when the endpoint is to be left. */
  readonly forMs: number;
  /** The time is over. */
  leave(): void;
}

/** The endpoint of that name as it is now; `undefined` when the upstream has none any more. */
export type FindEndpoint = (upstream: string, endpoint: string) => Endpoint | undefined;

export class Departures {
  readonly #deadlines: Deadlines;
  readonly #find: FindEndpoint;
  readonly #guests = new Set<Guest>();

  constructor(deadlines: Deadlines, find: FindEndpoint) {
    this.#deadlines = deadlines;
    this.#find = find;
  }

  /** Watches over a tunnel; to be told by what this returns when it has ended. */
  add(stay: Stay): () => void {
    const guest = new Guest(stay);
    this.#guests.add(guest);
    this.#look(guest);
    return () => {
      this.#guests.delete(guest);
      this.#deadlines.clear(guest);
    };
  }

  /** To be called when endpoints, or the status of one, may have changed. */
  look(): void {
    for (const guest of this.#guests) this.#look(guest);
  }

  #look(guest: Guest): void {
    const { upstream, endpoint, forMs } = guest.stay;
    const found = this.#find(upstream, endpoint);
    const mustLeave = found === undefined || found.cells.status === 'draining';
    if (mustLeave === guest.mustLeave) return;
    guest.mustLeave = mustLeave;
    if (mustLeave) this.#deadlines.set(guest, forMs);
    else this.#deadlines.clear(guest);
  }
}

class Guest implements Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly stay: Stay;
  mustLeave = false;

  constructor(stay: Stay) {
    this.stay = stay;
  }

  onDeadline(): void {
    this.stay.leave();
  }
}
