// Resolver: the instances of a service in Consul, asked for by blocking queries, which are answered when something changes.
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { inOrder } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { HttpClient, parseJson, serverUrl, successful, tlsFiles } from './http-client.ts';
import { RECONNECT, Rounds } from './rounds.ts';

/** Consul takes no wait for its own of five minutes, and a longer one for ten. */
const MIN_WAIT_MS = 1000;
const MAX_WAIT_MS = 600_000;

const options = s.object({
  service: s.string().describe('Name of the service.'),
  server: serverUrl().prefault('http://127.0.0.1:8500').describe('URL of the agent or server of Consul.'),
  datacenter: s.string().optional().describe('Its datacenter; that of the agent by default.'),
  token: s.string().optional().describe('ACL token; it needs service:read and node:read.'),
  tags: s.array(s.string()).default([]).describe('Takes only instances that have all of these tags.'),
  filter: s
    .string()
    .optional()
    .describe('Takes only instances for which this expression holds, such as: Service.Meta.version == "2".'),
  checks: s
    .enum(['passing', 'warning', 'any'])
    .default('passing')
    .describe('The worst state of its checks in which an instance is taken.'),
  wait: s
    .duration()
    .refine((ms) => ms >= MIN_WAIT_MS && ms <= MAX_WAIT_MS, { message: 'must be from 1s to 10m' })
    .prefault('5m')
    .describe('How long Consul holds a question back when nothing changes: 1s to 10m.'),
  tls: tlsFiles.prefault({}).describe('Files for TLS, where the URL is https.'),
  'on-empty': onEmpty,
});

type Options = Output<typeof options>;

export const consulResolver = defineResolver({
  type: 'consul',
  summary:
    'The instances of a service in Consul whose checks pass, with their weights, told as they change; an outage keeps the last ones.',
  options: () => options,
  create: (given, host) => new ConsulResolver(given, host),
});

/** Consul adds a random part of the wait to it, up to a sixteenth. */
const WAIT_JITTER = 1 / 16;
const ANSWER_MS = 10_000;
/** Between the beginnings of two questions, however often something changes. */
const LEAST_ROUND_MS = 1000;

const instances = s.array(
  s.part({
    Node: s.part({ Address: s.string() }),
    Service: s.part({
      Address: s.string().nullish(),
      Port: s.integer({ min: 0, max: 65535 }),
      Tags: s.array(s.string()).nullish(),
      Meta: s.record(s.string()).nullish(),
      Weights: s.part({ Passing: s.number({ min: 0, max: 1e6 }), Warning: s.number({ min: 0, max: 1e6 }) }).nullish(),
      Locality: s.part({ Zone: s.string().nullish() }).nullish(),
    }),
    Checks: s.array(s.part({ Status: s.string() })).nullish(),
  }),
);

type Instance = Output<typeof instances>[number];

class ConsulResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #client: HttpClient;
  readonly #rounds: Rounds;
  /** What the last answer was; 0 asks for an answer at once. */
  #index = 0;

  constructor(given: Options, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#client = new HttpClient(host, given.server, given.tls);
    this.#rounds = new Rounds(host, RECONNECT);
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { service, 'on-empty': whenEmpty } = this.#options;
    const updates = new EndpointUpdates(this.#host, `consul ${service}`, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#round(updates, signal),
      (reason) => {
        this.#index = 0;
        updates.fail(reason);
      },
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #round(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const { wait, token, checks, tags } = this.#options;
    const startedAt = this.#host.now();
    const timeoutMs = wait * (1 + WAIT_JITTER) + ANSWER_MS;
    const headers = token === undefined ? {} : { 'x-consul-token': token };
    const answer = successful(await this.#client.ask({ target: this.#target(), headers, timeoutMs, signal }));
    const found = parseJson(instances, answer.text).filter(
      (one) => isTaken(one, checks) && tags.every((tag) => one.Service.Tags?.includes(tag)),
    );
    this.#index = nextIndex(this.#index, Number(answer.headers['x-consul-index']));
    const withoutPort = found.find(({ Service }) => Service.Port === 0);
    const flaws = withoutPort ? `the instance at ${addressOf(withoutPort)} has no port` : '';
    updates.take(inOrder(found.filter(({ Service }) => Service.Port > 0).map(toEndpoint)), flaws);
    return Math.max(0, LEAST_ROUND_MS - (this.#host.now() - startedAt));
  }

  #target(): string {
    const { service, datacenter, filter, checks, wait } = this.#options;
    const query = new URLSearchParams({ wait: `${Math.ceil(wait / 1000)}s` });
    // "Sanity check index is greater than zero": a question with 0 would not wait, which is right for the first one.
    if (this.#index > 0) query.set('index', String(this.#index));
    if (checks === 'passing') query.set('passing', '1');
    if (datacenter !== undefined) query.set('dc', datacenter);
    if (filter !== undefined) query.set('filter', filter);
    return `/v1/health/service/${encodeURIComponent(service)}?${query}`;
  }
}

/** "Reset the index if it goes backwards": after a restore of Consul from a snapshot, for example. */
function nextIndex(before: number, next: number): number {
  return Number.isSafeInteger(next) && next > 0 && next >= before ? next : 0;
}

function isTaken({ Checks: checks }: Instance, worst: Options['checks']): boolean {
  if (worst === 'any') return true;
  return (checks ?? []).every(({ Status }) => Status === 'passing' || (Status === 'warning' && worst === 'warning'));
}

function addressOf({ Service: service, Node: node }: Instance): string {
  return service.Address || node.Address;
}

function toEndpoint(instance: Instance): ResolvedEndpoint {
  const { Service: service, Checks: checks } = instance;
  const isPassing = (checks ?? []).every(({ Status }) => Status === 'passing');
  const weight = isPassing ? service.Weights?.Passing : service.Weights?.Warning;
  const zone = service.Locality?.Zone ?? '';
  const labels = service.Meta ?? {};
  return {
    host: addressOf(instance),
    port: service.Port,
    socketPath: '',
    weight: weight ?? 1,
    priority: 0,
    zone,
    labels,
  };
}
