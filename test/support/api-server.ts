// A small HTTP server for tests that speak a documented API: says what was asked, and can lose all its connections.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

export type Answers = (asked: Asked, response: ServerResponse) => unknown;

export class ApiServer {
  /** All requests so far, oldest first. */
  readonly requests: Asked[] = [];
  readonly #server: Server;
  readonly #scheme: string;

  constructor(answer: Answers, tls?: { readonly key: string; readonly cert: string }) {
    const take = (request: IncomingMessage, response: ServerResponse) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://a');
      const { method = '', headers } = request;
      const asked = { method, path: pathname, query: searchParams, headers };
      this.requests.push(asked);
      request.resume();
      answer(asked, response);
    };
    this.#server = tls ? createTlsServer(tls, take) : createServer(take);
    this.#scheme = tls ? 'https' : 'http';
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(where: number | string = 0): Promise<void> {
    if (typeof where === 'string') this.#server.listen(where);
    else this.#server.listen(where, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Breaks all connections off. */
  disconnect(): void {
    this.#server.closeAllConnections();
  }

  /** Breaks all connections off and accepts no more. */
  stop(): void {
    this.disconnect();
    this.#server.close();
  }
}

/** Starts a server on a free port, or at a path for a Unix socket; it is stopped after the test. */
export async function startApi(t: TestContext, answer: Answers, where: number | string = 0): Promise<ApiServer> {
  const server = new ApiServer(answer);
  await server.listen(where);
  t.after(() => server.stop());
  return server;
}

export function json(response: ServerResponse, content: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
}

/** Begins a stream of lines, or adds one. */
export function line(response: ServerResponse, content: unknown): void {
  response.write(`${JSON.stringify(content)}\n`);
}
