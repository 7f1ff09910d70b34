// Resolver: the ready pods of a Kubernetes service, by its EndpointSlices, listed once and then watched.
import { readFile } from 'node:fs/promises';
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { checked } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { HttpClient, parseJson, StatusError, serverUrl, tlsFiles } from './http-client.ts';
import { type EndpointSlice, endpointSlice, selectEndpoints } from './kubernetes-slices.ts';
import { RECONNECT, Rounds } from './rounds.ts';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

const options = s.object({
  service: s.string().describe('Name of the service.'),
  namespace: s.string().optional().describe('Its namespace; that of the gateway within a cluster, else default.'),
  port: s
    .union([s.integer({ min: 1, max: 65535 }), s.string()])
    .optional()
    .describe('Name of the port, or its number in the pods (targetPort); needed when there are several.'),
  family: s.enum(['any', 'ipv4', 'ipv6']).default('any').describe('Which addresses to take.'),
  server: serverUrl()
    .optional()
    .describe('URL of the API server; that of the cluster in which the gateway runs by default.'),
  token: s.string().optional().describe('Bearer token.'),
  'token-file': s
    .string()
    .optional()
    .describe(
      'File with the token, read for each request as tokens are replaced; that of the service account by default.',
    ),
  tls: tlsFiles.prefault({}).describe('Files for TLS; the authority is that of the service account by default.'),
  'on-empty': onEmpty,
});

type Options = Output<typeof options>;

export const kubernetesResolver = defineResolver({
  type: 'kubernetes',
  summary:
    'The ready pods of a Kubernetes service with their zones, by its EndpointSlices; an outage of the API server keeps the last ones.',
  options: () => options,
  create: (given, host) => new KubernetesResolver(given, host),
});

const PAGE = 500;
/** More pages than this come from a server that does not count. */
const MAX_PAGES = 1000;
const TIMEOUT_MS = 10_000;
/** The server ends a watch after this, and when it does not, we do: so a connection that died is noticed. */
const WATCH_SECONDS = 300;
const WATCH_GRACE_MS = 30_000;
/** Between two watches, and before a list that has become necessary. */
const AGAIN_MS = 1000;
/** 410: the version is too old, as status of an answer or in an event. */
const GONE = 410;

const sliceList = s.part({
  metadata: s.part({ resourceVersion: s.string(), continue: s.string().nullish() }),
  items: s.array(endpointSlice).nullish(),
});

const watchEvent = s.part({ type: s.string(), object: s.unknown() });
const bookmark = s.part({ metadata: s.part({ resourceVersion: s.string() }) });
const failure = s.part({ code: s.integer({ min: 0, max: 999 }).nullish(), message: s.string().nullish() });

class KubernetesResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #rounds: Rounds;
  /** By name. */
  #slices = new Map<string, EndpointSlice>();
  /** The version up to which `#slices` holds everything; `undefined` when they must be listed. */
  #version: string | undefined = undefined;

  constructor(given: Options, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#rounds = new Rounds(host, RECONNECT);
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { service, namespace, 'on-empty': whenEmpty } = this.#options;
    const source = `kubernetes ${namespace === undefined ? '' : `${namespace}/`}${service}`;
    const updates = new EndpointUpdates(this.#host, source, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#round(updates, signal),
      (reason) => updates.fail(reason),
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #round(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const cluster = await connectCluster(this.#options, this.#host);
    try {
      if (this.#version === undefined) await this.#list(cluster, updates, signal);
      await this.#watch(cluster, updates, signal);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // 410 is the usual refusal of a version; after a restore of the cluster there are others. A list ends them all.
      this.#version = undefined;
      if (error.status !== GONE) throw error;
    }
    return AGAIN_MS;
  }

  async #list({ client, path, headers }: Cluster, updates: EndpointUpdates, signal: AbortSignal): Promise<void> {
    const slices = new Map<string, EndpointSlice>();
    let next: string | undefined = '';
    let version = '';
    for (let page = 0; next !== undefined; page++) {
      if (page === MAX_PAGES) throw new Error(`the list of slices does not end after ${MAX_PAGES} pages`);
      const target = `${path}&limit=${PAGE}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
      const list: Output<typeof sliceList> = await client.askJson(sliceList, {
        target,
        headers,
        timeoutMs: TIMEOUT_MS,
        signal,
      });
      for (const slice of list.items ?? []) slices.set(slice.metadata.name, slice);
      version = list.metadata.resourceVersion;
      next = list.metadata.continue || undefined;
    }
    this.#slices = slices;
    this.#version = version;
    this.#tell(updates);
  }

  /** Follows changes until the stream ends. */
  async #watch({ client, path, headers }: Cluster, updates: EndpointUpdates, signal: AbortSignal): Promise<void> {
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${this.#version}`;
    const request = { target: `${path}&${query}`, headers, timeoutMs: TIMEOUT_MS, signal };
    for await (const lines of await client.stream(request, WATCH_SECONDS * 1000 + WATCH_GRACE_MS)) {
      let version = this.#version;
      // Until all of it has been understood: what breaks off must be listed anew.
      this.#version = undefined;
      for (const line of lines) version = this.#apply(line);
      this.#version = version;
      this.#tell(updates);
    }
  }

  /** Applies an event; returns the version that it leads to. */
  #apply(line: string): string {
    const { type, object } = parseJson(watchEvent, line);
    if (type === 'ERROR') {
      const { code, message } = checked(failure, object, 'the event is not as expected');
      throw new StatusError({ status: code ?? 0, text: message ?? '' });
    }
    if (type === 'BOOKMARK') return checked(bookmark, object, 'the event is not as expected').metadata.resourceVersion;
    const slice = checked(endpointSlice, object, 'the event is not as expected');
    if (type === 'DELETED') this.#slices.delete(slice.metadata.name);
    else this.#slices.set(slice.metadata.name, slice);
    return slice.metadata.resourceVersion;
  }

  #tell(updates: EndpointUpdates): void {
    const { port, family } = this.#options;
    const { endpoints, flaws } = selectEndpoints(this.#slices.values(), { port, family });
    updates.take(endpoints, flaws);
  }
}

interface Cluster {
  readonly client: HttpClient;
  /** Path and query of the service's slices. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the API server is, and who asks it. Rejects when neither the options nor the surroundings say it. */
async function connectCluster(given: Options, host: ResolverHost): Promise<Cluster> {
  const { KUBERNETES_SERVICE_HOST: address, KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  const isInside = given.server === undefined;
  if (isInside && address === undefined)
    throw new Error('this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set, and no server is given');
  const server = given.server ?? `https://${address?.includes(':') ? `[${address}]` : address}:${port}`;
  const account = isInside ? ACCOUNT : undefined;
  const tls = { ca: account && `${account}/ca.crt`, ...given.tls };
  const namespace = given.namespace ?? (account ? await readText(`${account}/namespace`) : 'default');
  const tokenFile = given['token-file'] ?? (account && `${account}/token`);
  const token = given.token ?? (tokenFile === undefined ? undefined : await readText(tokenFile));
  const selector = encodeURIComponent(`kubernetes.io/service-name=${given.service}`);
  return {
    client: new HttpClient(host, server, tls),
    path: `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices?labelSelector=${selector}`,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim();
}
