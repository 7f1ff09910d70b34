// Which connections, and UDP sessions, a listener takes: by how many come in a time, of one client and of all, and by how many a client
// has. The rates are those of all workers together, the connections those of this one.
import type { Clock } from '#lib/clock.ts';
import type { KeyedTable } from '#memory/keyed-table.ts';
import { addressKey } from '#model/key-source.ts';
import type { AdmissionLimits, AdmissionRate } from '#model/snapshot.ts';
import type { Refusal } from '#telemetry/series.ts';

export interface AdmissionHost {
  readonly clock: Clock;
  /** Token buckets that all workers share. */
  buckets(): KeyedTable;
}

export class Admission {
  readonly #listener: string;
  readonly #host: AdmissionHost;
  /** The client of each connection that is counted, and how many each client has. */
  readonly #counted = new Map<object, string>();
  readonly #clients = new Map<string, number>();

  constructor(listener: string, host: AdmissionHost) {
    this.#listener = listener;
    this.#host = host;
  }

  /** Why one more connection of a client is not taken; `undefined` when it is. */
  refusal(limits: AdmissionLimits, clientAddress: string): Refusal | undefined {
    const { clientConnections, clientRate, rate } = limits;
    // Clients on a Unix socket have no address.
    if (clientAddress !== '') {
      const client = addressKey(clientAddress);
      if (clientConnections > 0 && (this.#clients.get(client) ?? 0) >= clientConnections) return 'client-connections';
      // The client's own bucket comes first: one who sends too much uses up nothing of what all share.
      if (clientRate && !this.#take(client, clientRate)) return 'client-rate';
    }
    return rate && !this.#take('*', rate) ? 'rate' : undefined;
  }

  /** Counts a connection for its client until it is released. */
  keep(connection: object, clientAddress: string): void {
    const client = addressKey(clientAddress);
    this.#counted.set(connection, client);
    this.#clients.set(client, (this.#clients.get(client) ?? 0) + 1);
  }

  /** A connection has become another one. */
  hand(from: object, to: object): void {
    const client = this.#counted.get(from);
    if (client === undefined) return;
    this.#counted.delete(from);
    this.#counted.set(to, client);
  }

  /** A connection is gone; one that was not kept is passed over. */
  release(connection: object): void {
    const client = this.#counted.get(connection);
    if (client === undefined) return;
    this.#counted.delete(connection);
    const left = (this.#clients.get(client) ?? 1) - 1;
    if (left > 0) this.#clients.set(client, left);
    else this.#clients.delete(client);
  }

  #take(client: string, { perSecond, burst }: AdmissionRate): boolean {
    const key = `listeners.${this.#listener}\n${client}`;
    return this.#host.buckets().take(key, perSecond, burst, this.#host.clock.wall()).allowed;
  }
}
