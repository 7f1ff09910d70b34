// The part of the Docker Engine API that discovery needs, for tests: containers with labels and health, and their events.
import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type ApiServer, type Asked, json, line, startApi } from './api-server.ts';

export interface TestContainer {
  readonly labels: Readonly<Record<string, string>>;
  /** Addresses by network. */
  readonly networks?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  readonly health?: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly state?: 'running' | 'exited' | 'paused';
}

interface Filters {
  readonly label: readonly string[];
  readonly status: readonly string[];
  readonly health: readonly string[];
  readonly type: readonly string[];
  readonly event: readonly string[];
}

const VERSION = '1.47';

export class Docker {
  readonly #server: ApiServer;
  readonly #containers = new Map<string, TestContainer>();
  readonly #streams = new Map<ServerResponse, Filters>();

  private constructor(server: ApiServer) {
    this.#server = server;
  }

  static async start(t: TestContext, where: number | string = 0): Promise<Docker> {
    const server = await startApi(t, (asked, response) => docker.#answer(asked, response), where);
    const docker = new Docker(server);
    return docker;
  }

  /** As it is written in a configuration; not for a Unix socket. */
  get url(): string {
    return this.#server.url.replace('http:', 'tcp:');
  }

  get requests(): readonly Asked[] {
    return this.#server.requests;
  }

  get streams(): number {
    return this.#streams.size;
  }

  get lists(): number {
    return this.requests.filter(({ path }) => path.endsWith('/containers/json')).length;
  }

  /** Changes a container, or adds it, and tells of it by an event. */
  set(name: string, action: string, one: TestContainer): void {
    this.#containers.set(name, one);
    for (const [response, { label, type, event }] of this.#streams) {
      const isWanted = event.some((wanted) => action.startsWith(wanted)) && type.includes('container');
      if (isWanted && hasLabels(one, label)) line(response, { Type: 'container', Action: action, Actor: { ID: name } });
    }
  }

  disconnect(): void {
    this.#server.disconnect();
  }

  #answer({ path, query }: Asked, response: ServerResponse): void {
    if (path === '/_ping') {
      response.writeHead(200, { 'api-version': VERSION }).end('OK');
      return;
    }
    const filters = JSON.parse(query.get('filters') ?? '{}') as Filters;
    if (path === `/v${VERSION}/containers/json`) json(response, this.#list(filters));
    else if (path === `/v${VERSION}/events`) this.#stream(filters, response);
    else json(response, { message: 'page not found' }, 404);
  }

  #list({ label, status, health }: Filters): readonly object[] {
    return [...this.#containers]
      .filter(([, one]) => hasLabels(one, label) && status.includes(one.state ?? 'running'))
      .filter(([, one]) => health.includes(one.health ?? 'none'))
      .map(([name, { labels, networks = { bridge: '172.17.0.2' }, ports = [80] }]) => ({
        Id: `${name}0123456789abcdef`,
        Names: [`/${name}`],
        Labels: labels,
        Ports: ports.map((port) => ({ PrivatePort: port, Type: 'tcp' })),
        NetworkSettings: {
          Networks: Object.fromEntries(
            Object.entries(networks).map(([network, IPAddress]) => [network, { IPAddress }]),
          ),
        },
      }));
  }

  #stream(filters: Filters, response: ServerResponse): void {
    response.flushHeaders();
    this.#streams.set(response, filters);
    response.once('close', () => this.#streams.delete(response));
  }
}

function hasLabels({ labels }: TestContainer, wanted: readonly string[]): boolean {
  return wanted.every((text) => {
    const [name = '', value] = text.split('=');
    return value === undefined ? name in labels : labels[name] === value;
  });
}
