// Session persistence by the client's address: whoever has been served by an endpoint goes there again, until it was away for a while.
import { formatIpPrefix, parseIpAddress, prefixOf } from '#lib/ip-address.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import type { Affinity, Endpoint } from '#model/upstream.ts';
import { isSameEndpoint } from './candidates.ts';
import type { SessionTable } from './session-table.ts';

export interface SourceSessionsOptions {
  /** Leading bits that tell one client from another. */
  readonly ipv4Prefix: number;
  readonly ipv6Prefix: number;
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
}

export class SourceSessions implements Affinity {
  readonly keepsDraining: boolean;
  readonly movesWhenDown: boolean;
  readonly #options: SourceSessionsOptions;
  readonly #table: SessionTable;

  constructor(options: SourceSessionsOptions, table: SessionTable) {
    this.keepsDraining = options.keepsDraining;
    this.movesWhenDown = options.movesWhenDown;
    this.#options = options;
    this.#table = table;
  }

  find(exchange: Exchange, endpoints: readonly Endpoint[]): Endpoint | undefined {
    return this.#table.find(this.#sessionOf(exchange), endpoints, exchange);
  }

  bind(exchange: Exchange, _response: Response, endpoint: Endpoint, bound: Endpoint | undefined): void {
    if (bound && isSameEndpoint(bound, endpoint)) return;
    this.#table.set(this.#sessionOf(exchange), endpoint, exchange);
  }

  #sessionOf({ clientAddress }: Exchange): string {
    const { ipv4Prefix, ipv6Prefix } = this.#options;
    const address = parseIpAddress(clientAddress);
    // Clients of a Unix socket have no address: they are one client.
    if (!address) return clientAddress;
    return formatIpPrefix(prefixOf(address, address.version === 4 ? ipv4Prefix : ipv6Prefix));
  }
}
