// The part of the Kubernetes API that discovery needs, for tests: EndpointSlices with versions, pages, watches and bookmarks.
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type ApiServer, type Asked, json, line, startApi } from './api-server.ts';

export interface Slice {
  readonly addressType?: string;
  readonly endpoints?: readonly object[] | null;
  readonly ports?: readonly object[] | null;
}

interface Event {
  readonly version: number;
  readonly type: string;
  readonly object: object;
}

const PATH = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices';

export class Kubernetes {
  /** What requests must bring. */
  token = 'token-1';
  /** Versions before this are forgotten. */
  oldest = 0;
  readonly #server: ApiServer;
  readonly #slices = new Map<string, object>();
  readonly #events: Event[] = [];
  readonly #watches = new Set<ServerResponse>();
  #version = 100;

  private constructor(server: ApiServer) {
    this.#server = server;
  }

  static async start(t: TestContext): Promise<Kubernetes> {
    const server = await startApi(t, (asked, response) => cluster.#answer(asked, response));
    const cluster = new Kubernetes(server);
    return cluster;
  }

  get url(): string {
    return this.#server.url;
  }

  get version(): number {
    return this.#version;
  }

  /** Lists and watches asked for so far. */
  get lists(): readonly Asked[] {
    return this.#server.requests.filter(({ query }) => !query.has('watch'));
  }

  get watches(): readonly Asked[] {
    return this.#server.requests.filter(({ query }) => query.has('watch'));
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** Adds a slice, or puts it in place of the one with its name. */
  put(name: string, slice: Slice): void {
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED';
    const object = {
      metadata: { name, namespace: 'shop', resourceVersion: String(++this.#version) },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      ...slice,
    };
    this.#slices.set(name, object);
    this.#tell({ version: this.#version, type, object });
  }

  delete(name: string): void {
    const object = { ...this.#slices.get(name), metadata: { name, resourceVersion: String(++this.#version) } };
    this.#slices.delete(name);
    this.#tell({ version: this.#version, type: 'DELETED', object });
  }

  /** Tells watches how far things have gone elsewhere. */
  bookmark(): void {
    const object = { kind: 'EndpointSlice', metadata: { resourceVersion: String(++this.#version) } };
    this.#tell({ version: this.#version, type: 'BOOKMARK', object });
  }

  /** Sends an event as it is to all watches. */
  send(event: object): void {
    for (const watch of this.#watches) line(watch, event);
  }

  /** Ends all watches as a server does whose time for them is up. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  disconnect(): void {
    this.#server.disconnect();
  }

  #tell(event: Event): void {
    this.#events.push(event);
    this.send({ type: event.type, object: event.object });
  }

  #answer(asked: Asked, response: ServerResponse): void {
    const { path, query, headers } = asked;
    const selector = query.get('labelSelector');
    if (headers.authorization !== `Bearer ${this.token}`) json(response, { message: 'Unauthorized', code: 401 }, 401);
    else if (path !== PATH || selector !== 'kubernetes.io/service-name=cart') json(response, { message: path }, 404);
    else if (query.has('watch')) this.#watch(query, response);
    else this.#list(query, response);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const limit = Math.min(Number(query.get('limit')), 2);
    const start = Number(query.get('continue') ?? 0);
    const all = [...this.#slices.values()];
    const next = start + limit < all.length ? String(start + limit) : '';
    json(response, {
      metadata: { resourceVersion: String(this.#version), continue: next },
      items: all.slice(start, start + limit),
    });
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const since = Number(query.get('resourceVersion'));
    if (since < this.oldest) {
      json(response, { code: 410, message: `too old resource version: ${since}`, reason: 'Expired' }, 410);
      return;
    }
    response.flushHeaders();
    for (const { version, type, object } of this.#events) if (version > since) line(response, { type, object });
    this.#watches.add(response);
    response.once('close', () => this.#watches.delete(response));
  }
}

/** An endpoint of a slice that is ready. */
export function pod(address: string, more: object = {}): object {
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, ...more };
}
