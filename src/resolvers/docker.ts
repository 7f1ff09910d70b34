// Resolver: containers with given labels, by the Docker Engine API, listed again at each event that may change them.
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { container, selectContainers } from './docker-containers.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { HttpClient, successful, tlsFiles } from './http-client.ts';
import { RECONNECT, Rounds } from './rounds.ts';

const options = s.object({
  labels: s
    .array(s.string())
    .min(1, 'at least one label is needed, or all containers would be endpoints')
    .describe('Labels that a container must have, each as name or name=value, such as tidegate.upstream=app.'),
  server: s
    .checked(serverProblem)
    .prefault('unix:///var/run/docker.sock')
    .describe('The Docker Engine: unix:///path, tcp://host:port, or https://host:port for TLS.'),
  port: s
    .integer({ min: 1, max: 65535 })
    .optional()
    .describe(
      'Port in the containers; the label tidegate.port wins, and a container that exposes one port needs neither.',
    ),
  network: s
    .string()
    .optional()
    .describe(
      'Network over which containers are reached; the label tidegate.network wins, and a container in one network needs neither.',
    ),
  tls: tlsFiles.prefault({}).describe('Files for TLS, where the server is https.'),
  'on-empty': onEmpty,
});

type Options = Output<typeof options>;

export const dockerResolver = defineResolver({
  type: 'docker',
  summary:
    'Containers that run and are healthy as far as they are checked, by their labels, from the Docker Engine and its events; an outage keeps the last ones.',
  options: () => options,
  create: (given, host) => new DockerResolver(given, host),
});

const TIMEOUT_MS = 10_000;
/** Events are asked for anew after this, with a list behind: so an engine that has fallen silent is noticed. */
const EVENTS_MS = 300_000;
/** Before events are asked for anew. */
const AGAIN_MS = 1000;
/** What may change whether, or where, a container is reached. */
const EVENTS = ['start', 'die', 'pause', 'unpause', 'health_status', 'rename', 'update'];
/** A container without a health check counts as well; one whose first check is still to come does not. */
const HEALTH = ['none', 'healthy'];

class DockerResolver implements Resolver {
  readonly #options: Options;
  readonly #host: ResolverHost;
  readonly #client: HttpClient;
  readonly #rounds: Rounds;

  constructor(given: Options, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#client = new HttpClient(host, clientUrl(given.server), given.tls);
    this.#rounds = new Rounds(host, RECONNECT);
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { labels, 'on-empty': whenEmpty } = this.#options;
    const updates = new EndpointUpdates(this.#host, `docker ${labels.join(' ')}`, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#round(updates, signal),
      (reason) => updates.fail(reason),
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #round(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const { labels: label } = this.#options;
    const version = await this.#version(signal);
    const ask = (target: string, filters: object) => {
      const query = new URLSearchParams({ filters: JSON.stringify(filters) });
      return { target: `${version}${target}?${query}`, timeoutMs: TIMEOUT_MS, signal };
    };
    const list = ask('/containers/json', { label, status: ['running'], health: HEALTH });
    // The stream stands before the first list, so that nothing happens in between.
    const events = ask('/events', { label, type: ['container'], event: EVENTS });
    for await (const _batch of await this.#client.stream(events, EVENTS_MS)) {
      const found = await this.#client.askJson(s.array(container), list);
      const { endpoints, flaws } = selectContainers(found, this.#options);
      updates.take(endpoints, flaws);
    }
    return AGAIN_MS;
  }

  /** The path of the newest version that the engine has: what is asked for is the same from 1.41 (2020) on. */
  async #version(signal: AbortSignal): Promise<string> {
    const { headers } = successful(await this.#client.ask({ target: '/_ping', timeoutMs: TIMEOUT_MS, signal }));
    const version = headers['api-version'];
    if (typeof version !== 'string' || !/^[0-9.]+$/.test(version))
      throw new Error('this is no Docker Engine: it names no version');
    return `/v${version}`;
  }
}

function serverProblem(text: string): string | undefined {
  if (/^unix:\/\/\/./.test(text) || (/^(tcp|https?):\/\/[^/@]+\/?$/.test(text) && URL.canParse(text))) return undefined;
  return `"${text}" is no address of a Docker Engine such as unix:///var/run/docker.sock or tcp://10.0.0.1:2375`;
}

function clientUrl(server: string): string {
  if (server.startsWith('unix:')) return `unix:${server.slice('unix://'.length)}`;
  return server.replace(/^tcp:/, 'http:');
}
