// The connection pools of one worker, by endpoint; they outlive configurations as long as the endpoint is part of them.
import type { Series } from '#memory/series-table.ts';
import type { PoolSettings, Transport } from '#model/upstream.ts';
import type { ConnectTarget } from '#net/tcp-stream.ts';
import { EndpointPool, type PoolHost } from './endpoint-pool.ts';
import { EndpointTransport } from './endpoint-transport.ts';

export class PoolSet {
  readonly #host: PoolHost;
  readonly #transports = new Map<string, EndpointTransport>();

  constructor(host: PoolHost) {
    this.#host = host;
  }

  /** The transport of the endpoint that `key` names, with the newest settings. */
  transport(key: string, target: ConnectTarget, settings: PoolSettings, series: Series): Transport {
    const known = this.#transports.get(key);
    if (known) {
      known.revive(settings);
      return known;
    }
    const transport = new EndpointTransport(new EndpointPool(target, settings, series, this.#host));
    this.#transports.set(key, transport);
    return transport;
  }

  /** Retires the pools of endpoints that are in use no more. */
  keepOnly(keys: { has(key: string): boolean }): void {
    for (const [key, transport] of this.#transports) {
      if (keys.has(key)) continue;
      transport.retire();
      this.#transports.delete(key);
    }
  }
}
