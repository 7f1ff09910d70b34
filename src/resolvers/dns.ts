// Resolver: the A and AAAA records of a name, or what its SRV records name (RFC 2782), asked for again as they expire.
import dns from 'node:dns';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import type { AnswerRecord, ServiceRecord } from '#wire/dns/message.ts';
import { DnsClient, nameServer, type Question } from './dns-client.ts';
import { inOrder } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { Rounds } from './rounds.ts';

const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 3_600_000;
/** After a failure or an answer without records, and for names that come from the hosts file: they have no TTL. */
const AGAIN_MS = 5000;
/** Answers are asked for later than their TTL says by up to this share, so that many gateways do not ask at the same time. */
const JITTER = 0.1;
/** Targets of SRV records that are resolved at once. */
const BATCH = 16;
/** What a record of weight 0 counts beside others that have one: "a very small chance of being selected" (RFC 2782). */
const SMALL_WEIGHT = 0.01;

const options = s
  .object({
    name: s.string().describe('Name to resolve; of SRV records the whole of it, such as _http._tcp.example.com.'),
    records: s
      .enum(['address', 'srv'])
      .default('address')
      .describe(
        'address: A and AAAA records of the name. srv: its SRV records, which have port, priority and weight, and whose targets are resolved.',
      ),
    port: s
      .integer({ min: 1, max: 65535 })
      .optional()
      .describe('Port of all endpoints: needed for addresses, not to be given for srv.'),
    family: s.enum(['any', 'ipv4', 'ipv6']).default('any').describe('Which addresses to ask for.'),
    servers: s
      .array(nameServer())
      .prefault([])
      .describe('Name servers as address or address:port; those of the system by default.'),
    'on-empty': onEmpty,
  })
  .refine(({ records, port }) => (records === 'address') === (port !== undefined), {
    path: ['port'],
    message: 'is needed with records: address, and to be left out with records: srv, which have their own',
  });

type Options = Output<typeof options>;

export const dnsResolver = defineResolver({
  type: 'dns',
  summary:
    'The addresses of a name, or the endpoints of its SRV records, resolved again when their TTL ends; a failure keeps the last good answer.',
  options: () => options,
  create: (given, host) => new DnsResolver(given, host),
});

class DnsResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #client: DnsClient;
  readonly #rounds: Rounds;
  /** Answers of the last round by question: they stay in use where the servers fail. */
  #last: ReadonlyMap<string, readonly AnswerRecord[]> = new Map();

  constructor(given: Options, host: ResolverHost) {
    this.#options = { ...given, name: asciiName(given.name) };
    this.#host = host;
    this.#client = new DnsClient(host, given.servers);
    this.#rounds = new Rounds(host, { minMs: AGAIN_MS, maxMs: AGAIN_MS });
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const updates = new EndpointUpdates(this.#host, this.#options.name, this.#options['on-empty'], update);
    this.#rounds.start(
      (signal) => this.#round(updates, signal),
      (reason) => updates.fail(reason),
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #round(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const lookup = new Lookup(this.#client, this.#options, this.#last, signal);
    const endpoints = await (this.#options.records === 'srv' ? lookup.services() : lookup.endpoints());
    if (lookup.answers.size === 0 && lookup.failure !== '') throw new Error(lookup.failure);
    this.#last = new Map([...lookup.stale, ...lookup.answers]);
    updates.take(inOrder(endpoints), lookup.failure);
    const isLasting = endpoints.length > 0 && lookup.failure === '' && lookup.ttlMs < Number.POSITIVE_INFINITY;
    const waitMs = isLasting ? Math.max(MIN_TTL_MS, Math.min(MAX_TTL_MS, lookup.ttlMs)) : AGAIN_MS;
    return waitMs * (1 + JITTER * this.#host.random());
  }
}

/** All questions of one round. */
class Lookup {
  /** What the servers answered, by question. */
  readonly answers = new Map<string, readonly AnswerRecord[]>();
  /** Answers of the last round, where the servers failed. */
  readonly stale = new Map<string, readonly AnswerRecord[]>();
  /** The shortest of all answers; infinite when no record has one. */
  ttlMs = Number.POSITIVE_INFINITY;
  /** Why a question has no answer, or an old one; '' when all have. */
  failure = '';
  readonly #client: DnsClient;
  readonly #options: Options;
  readonly #last: ReadonlyMap<string, readonly AnswerRecord[]>;
  readonly #signal: AbortSignal;

  constructor(
    client: DnsClient,
    options: Options,
    last: ReadonlyMap<string, readonly AnswerRecord[]>,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#options = options;
    this.#last = last;
    this.#signal = signal;
  }

  /** The endpoints of the name's addresses. Rejects when nothing is known of them. */
  async endpoints(): Promise<readonly ResolvedEndpoint[]> {
    const addresses = await this.#addresses(this.#options.name);
    return addresses.map((host) => ({ host, port: this.#options.port ?? 0, socketPath: '', weight: 1, priority: 0 }));
  }

  /** The endpoints of the name's SRV records. Rejects when there is no answer. */
  async services(): Promise<readonly ResolvedEndpoint[]> {
    const records = await this.#askServers({ name: this.#options.name, type: 'SRV' });
    // "A Target of "." means that the service is decidedly not available at this domain."
    const services = records.filter((record): record is ServiceRecord => record.type === 'SRV' && record.target !== '');
    const found: ResolvedEndpoint[] = [];
    for (let at = 0; at < services.length; at += BATCH) {
      const batch = services.slice(at, at + BATCH).map((service) => this.#endpointsOf(service, services));
      found.push(...(await Promise.all(batch)).flat());
    }
    return found.sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
  }

  async #endpointsOf(service: ServiceRecord, all: readonly ServiceRecord[]): Promise<readonly ResolvedEndpoint[]> {
    const { target, port, priority } = service;
    try {
      const addresses = await this.#addresses(target);
      return addresses.map((host) => ({ host, port, socketPath: '', weight: weightOf(service, all), priority }));
    } catch (error) {
      this.#fail(error);
      return [];
    }
  }

  async #addresses(name: string): Promise<readonly string[]> {
    const { family, servers } = this.#options;
    if (isIP(name) !== 0) return [name];
    // RFC 6761 6.3: "Name resolution APIs and libraries SHOULD NOT send queries for localhost names".
    if (/(^|\.)localhost\.?$/i.test(name)) return await localAddresses(name, family);
    const types = (['A', 'AAAA'] as const).filter((type) => family === 'any' || (family === 'ipv4') === (type === 'A'));
    const results = await Promise.allSettled(types.map((type) => this.#ask({ name, type })));
    const records = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (records.length > 0) {
      for (const result of results) if (result.status === 'rejected') this.#fail(result.reason);
      return records.map((record) => (record.type === 'SRV' ? '' : record.address));
    }
    // Names of the hosts file are not in the DNS. Where name servers are given, they have the last word.
    const local = servers.length > 0 ? [] : await localAddresses(name, family);
    const rejected = results.find((result) => result.status === 'rejected');
    if (local.length === 0 && rejected) throw rejected.reason;
    return local;
  }

  /** The records of a question: the last ones, when no server answers. Rejects when there are none. */
  async #ask(question: Question): Promise<readonly AnswerRecord[]> {
    try {
      return await this.#askServers(question);
    } catch (error) {
      const last = this.#last.get(keyOf(question));
      if (!last) throw error;
      this.stale.set(keyOf(question), last);
      this.#fail(error);
      return last;
    }
  }

  async #askServers(question: Question): Promise<readonly AnswerRecord[]> {
    const { records } = await this.#client.ask(question, this.#signal);
    this.answers.set(keyOf(question), records);
    this.ttlMs = Math.min(this.ttlMs, ...records.map(({ ttl }) => ttl * 1000));
    return records;
  }

  #fail(error: unknown): void {
    this.failure ||= (error as Error).message;
  }
}

/** RFC 5890 2.3.2.1: the DNS knows a name with other letters by its A-labels. */
function asciiName(name: string): string {
  return /[^ -~]/.test(name) ? domainToASCII(name) || name : name;
}

function keyOf({ name, type }: Question): string {
  return `${type} ${name}`;
}

/** RFC 2782: weights are relative within a priority. */
function weightOf({ weight, priority }: ServiceRecord, all: readonly ServiceRecord[]): number {
  if (weight > 0) return weight;
  return all.some((other) => other.priority === priority && other.weight > 0) ? SMALL_WEIGHT : 1;
}

/** What the system knows of the name; nothing when it does not know it. */
async function localAddresses(name: string, family: Options['family']): Promise<readonly string[]> {
  try {
    const number = family === 'any' ? 0 : family === 'ipv4' ? 4 : 6;
    const found = await dns.promises.lookup(name, { all: true, family: number });
    return found.map(({ address }) => address);
  } catch {
    return [];
  }
}
