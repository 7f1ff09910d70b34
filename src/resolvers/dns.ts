// Resolver: the A and AAAA records of a name, asked for again as they expire (RFC 1035 3.2.1).
import dns from 'node:dns';
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';

const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 3_600_000;
/** After a failure, and for names that come from the hosts file and so have no TTL. */
const AGAIN_MS = 5000;

const options = s.object({
  name: s.string().describe('Name to resolve.'),
  port: s.integer({ min: 1, max: 65535 }).describe('Port of all endpoints.'),
  family: s.enum(['any', 'ipv4', 'ipv6']).default('any').describe('Which records to ask for.'),
  servers: s
    .array(s.string())
    .default([])
    .describe('Name servers as address or address:port; those of the system by default.'),
});

type Options = Output<typeof options>;

export const dnsResolver = defineResolver({
  type: 'dns',
  summary: 'The addresses of a name, resolved again when their TTL ends; a failure keeps the last good answer.',
  options,
  create: (given, host) => new DnsResolver(given, host),
});

interface Answer {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

class DnsResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #resolver = new dns.promises.Resolver({ timeout: 2000, tries: 2 });
  #clearTimer: (() => void) | undefined = undefined;
  #stopped = false;
  #last = '';

  constructor(given: Options, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    if (given.servers.length > 0) this.#resolver.setServers(given.servers);
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    void this.#round(update);
  }

  stop(): void {
    this.#stopped = true;
    this.#clearTimer?.();
    this.#resolver.cancel();
  }

  async #round(update: (endpoints: readonly ResolvedEndpoint[]) => void): Promise<void> {
    let waitMs = AGAIN_MS;
    try {
      const answer = await this.#resolve();
      if (this.#stopped) return;
      waitMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, answer.ttlMs));
      this.#tell(answer.addresses, update);
    } catch (error) {
      if (this.#stopped) return;
      const { code } = error as NodeJS.ErrnoException;
      this.#host.log.warn('a name does not resolve; the last answer stays in use', {
        name: this.#options.name,
        error: code,
      });
    }
    this.#clearTimer = this.#host.setTimer(() => void this.#round(update), waitMs);
  }

  #tell(addresses: readonly string[], update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const sorted = [...addresses].sort();
    if (sorted.join() === this.#last) return;
    this.#last = sorted.join();
    this.#host.log.info('a name resolves to other addresses', { name: this.#options.name, addresses: sorted });
    update(sorted.map((host) => ({ host, port: this.#options.port, socketPath: '', weight: 1 })));
  }

  async #resolve(): Promise<Answer> {
    const { name, family, servers } = this.#options;
    const asked = [];
    if (family !== 'ipv6') asked.push(this.#resolver.resolve4(name, { ttl: true }));
    if (family !== 'ipv4') asked.push(this.#resolver.resolve6(name, { ttl: true }));
    const results = await Promise.allSettled(asked);
    const records = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (records.length > 0) {
      return {
        addresses: records.map(({ address }) => address),
        ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
      };
    }
    // Names of the hosts file are not in the DNS. Own name servers are not asked behind.
    if (servers.length > 0)
      throw (results.find((result) => result.status === 'rejected') as PromiseRejectedResult).reason;
    const found = await dns.promises.lookup(name, {
      all: true,
      family: family === 'any' ? 0 : family === 'ipv4' ? 4 : 6,
    });
    return { addresses: [...new Set(found.map(({ address }) => address))], ttlMs: AGAIN_MS };
  }
}
