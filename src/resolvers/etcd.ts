// Resolver: the keys under a prefix in etcd, each an endpoint, listed once and then watched over the JSON gateway of its API v3.
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { inOrder, parseEndpoint } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { HttpClient, parseJson, serverUrl, tlsFiles } from './http-client.ts';
import { RECONNECT, Rounds } from './rounds.ts';

const options = s
  .object({
    prefix: s
      .checked((text) => (text === '' ? 'a prefix has at least one character' : undefined))
      .describe('Keys that begin with this hold one endpoint each: an address, or an object in JSON.'),
    servers: s
      .array(serverUrl())
      .min(1, 'at least one member is needed')
      .prefault(['http://127.0.0.1:2379'])
      .describe('URLs of the members of etcd (3.4 or newer); the next one is asked when one fails.'),
    user: s.string().optional().describe('Name to log in with, where etcd asks for one.'),
    password: s.string().optional().describe('Its password.'),
    tls: tlsFiles.prefault({}).describe('Files for TLS, where the URLs are https.'),
    'on-empty': onEmpty,
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    path: ['user'],
    message: 'user and password go together',
  });

type Options = Output<typeof options>;

export const etcdResolver = defineResolver({
  type: 'etcd',
  summary: 'The keys under a prefix in etcd, each an endpoint, followed as they change; an outage keeps the last ones.',
  options: () => options,
  create: (given, host) => new EtcdResolver(given, host),
});

const TIMEOUT_MS = 10_000;
/** A watch is made anew after this, with a list before it: so a server that has fallen silent is noticed. */
const WATCH_MS = 300_000;
/** Before the keys are listed anew. */
const AGAIN_MS = 1000;

/** A member that is cut off from the others ends its watches after some seconds, where it would have nothing more to tell. */
const REQUIRE_LEADER = { 'grpc-metadata-hasleader': 'true' };

const header = s.part({ revision: s.string() });
const pair = s.part({ key: s.string(), value: s.string().nullish() });
const range = s.part({ header, kvs: s.array(pair).nullish() });
const login = s.part({ token: s.string() });
const watched = s.part({
  result: s
    .part({
      canceled: s.boolean().nullish(),
      cancel_reason: s.string().nullish(),
      compact_revision: s.string().nullish(),
      events: s.array(s.part({ type: s.string().nullish(), kv: pair })).nullish(),
    })
    .nullish(),
  error: s.part({ message: s.string().nullish() }).nullish(),
});

class EtcdResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #clients: readonly HttpClient[];
  readonly #rounds: Rounds;
  /** Which of the servers is asked. */
  #turn = 0;

  constructor(given: Options, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#clients = given.servers.map((server) => new HttpClient(host, server, given.tls));
    this.#rounds = new Rounds(host, RECONNECT);
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { prefix, 'on-empty': whenEmpty } = this.#options;
    const updates = new EndpointUpdates(this.#host, `etcd ${prefix}`, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#round(updates, signal),
      (reason) => {
        this.#turn = (this.#turn + 1) % this.#clients.length;
        updates.fail(reason);
      },
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  /** Lists the keys, then follows them until the watch ends. */
  async #round(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const client = this.#clients[this.#turn] as HttpClient;
    const keys = keyRange(this.#options.prefix);
    const headers = { ...REQUIRE_LEADER, ...(await this.#authenticate(client, signal)) };
    const post = (target: string, content: unknown) => {
      return { method: 'POST', target, headers, body: JSON.stringify(content), timeoutMs: TIMEOUT_MS, signal };
    };
    const list = await client.askJson(range, post('/v3/kv/range', keys));
    const values = new Map((list.kvs ?? []).map(({ key, value }) => [key, value ?? '']));
    const start = { ...keys, start_revision: String(BigInt(list.header.revision) + 1n) };
    for await (const lines of await client.stream(post('/v3/watch', { create_request: start }), WATCH_MS)) {
      for (const line of lines) if (!apply(line, values)) return AGAIN_MS;
      tell(values, updates);
    }
    return AGAIN_MS;
  }

  async #authenticate(client: HttpClient, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { user: name, password } = this.#options;
    if (name === undefined) return {};
    const body = JSON.stringify({ name, password });
    const request = { method: 'POST', target: '/v3/auth/authenticate', body, timeoutMs: TIMEOUT_MS, signal };
    const { token } = await client.askJson(login, request);
    return { authorization: token };
  }
}

/** Applies what a watch tells; false when it has missed changes (compaction), so that all must be listed anew. */
function apply(line: string, values: Map<string, string>): boolean {
  const { result, error } = parseJson(watched, line);
  if (error) throw new Error(error.message ?? 'the watch failed');
  if (result?.compact_revision) return false;
  if (result?.canceled) throw new Error(result.cancel_reason ?? 'the watch was cancelled');
  for (const { type, kv } of result?.events ?? []) {
    if (type === 'DELETE') values.delete(kv.key);
    else values.set(kv.key, kv.value ?? '');
  }
  return true;
}

function tell(values: ReadonlyMap<string, string>, updates: EndpointUpdates): void {
  const endpoints: ResolvedEndpoint[] = [];
  let flaws = '';
  for (const [key, value] of values) {
    try {
      endpoints.push(parseEndpoint(Buffer.from(value, 'base64').toString('utf8')));
    } catch (error) {
      flaws = `the key ${Buffer.from(key, 'base64').toString('utf8')}: ${(error as Error).message}`;
    }
  }
  updates.take(inOrder(endpoints), flaws);
}

/** All keys that begin with `prefix`, as etcd writes ranges: up to the prefix with its last byte one higher. */
function keyRange(prefix: string): { readonly key: string; readonly range_end: string } {
  const key = Buffer.from(prefix, 'utf8');
  const end = Buffer.from(key);
  // No byte of UTF-8 is 255.
  end[end.length - 1] = (end.at(-1) as number) + 1;
  return { key: key.toString('base64'), range_end: end.toString('base64') };
}
