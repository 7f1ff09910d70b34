// An origin server for tests on a raw socket: shows what really arrived, and answers exactly the bytes it is told to.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type ReadMessage, WireReader } from './wire-reader.ts';

export interface ReceivedRequest extends ReadMessage {
  readonly method: string;
  readonly target: string;
  /** Counts the connections of the origin, from 0. */
  readonly connection: number;
}

export interface OriginConnection {
  readonly socket: Socket;
  readonly reader: WireReader;
  /** Counts the connections of the origin, from 0. */
  readonly number: number;
}

/** Called for each whole request; what it returns, if anything, is written. */
export type OnRequest = (
  request: ReceivedRequest,
  connection: OriginConnection,
) => string | undefined | Promise<string | undefined>;

/** Called once a connection instead, to read and write as it likes. */
export type OnConnection = (connection: OriginConnection) => unknown;

export interface OriginOptions {
  /** 0 chooses a free one. */
  readonly port?: number;
  readonly onConnection?: OnConnection;
  /** Speaks TLS; sockets are then those behind the handshake. */
  readonly tls?: TlsOptions;
}

export class Origin {
  /** Called when the head of a request has come, before its content. */
  onHead: ((head: string, connection: OriginConnection) => void) | undefined;
  /** Called with everything that comes, as Latin-1. */
  onBytes: ((bytes: string, connection: OriginConnection) => void) | undefined;
  readonly requests: ReceivedRequest[] = [];
  readonly connections: OriginConnection[] = [];
  readonly #server: Server;
  readonly #wake = new Set<() => void>();

  constructor(onRequest: OnRequest, { onConnection, tls }: OriginOptions) {
    const serve = (socket: Socket) => {
      const connection = { socket, reader: new WireReader(), number: this.connections.length };
      this.connections.push(connection);
      this.#changed();
      socket.on('data', (bytes: Buffer) => {
        this.onBytes?.(bytes.toString('latin1'), connection);
        connection.reader.push(bytes);
      });
      socket.on('end', () => connection.reader.end());
      socket.on('error', (error) => connection.reader.end(error));
      socket.on('close', () => connection.reader.end());
      // A request that breaks off ends the loop; the tests see it by `reader`.
      if (onConnection) onConnection(connection);
      else this.#serve(connection, onRequest).catch(() => {});
    };
    // Half open, a socket whose client has left within the handshake would stay for ever.
    this.#server = tls
      ? createTlsServer({ noDelay: true, ...tls }, serve)
      : createServer({ allowHalfOpen: true, noDelay: true }, serve);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As it is written in a configuration. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The last whole request. */
  get last(): ReceivedRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error('the origin has received no request');
    return request;
  }

  /** Resolves when somebody has connected. */
  untilConnected(): Promise<void> {
    return this.#until(() => this.connections.length > 0);
  }

  /** Resolves when there have been so many whole requests. */
  untilRequested(count: number): Promise<void> {
    return this.#until(() => this.requests.length >= count);
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends all connections, with a reset when `how` says so, and accepts no more. */
  async stop(how: 'end' | 'reset' = 'end'): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { socket } of this.connections) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
    }
    await closed;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#wake.add(resolve));
  }

  #changed(): void {
    const wake = [...this.#wake];
    this.#wake.clear();
    for (const resolve of wake) resolve();
  }

  async #serve(connection: OriginConnection, onRequest: OnRequest): Promise<void> {
    for (;;) {
      const message = await connection.reader.message('fields', (head) => this.onHead?.(head, connection));
      const [method = '', target = ''] = message.start.split(' ');
      const request = { ...message, method, target, connection: connection.number };
      this.requests.push(request);
      this.#changed();
      const answer = await onRequest(request, connection);
      if (answer !== undefined) connection.socket.write(answer, 'latin1');
    }
  }
}

/** Starts an origin that answers each request with what `onRequest` returns; it is stopped after the test. */
export async function startOrigin(
  t: TestContext,
  onRequest: OnRequest = () => ok(),
  options: OriginOptions = {},
): Promise<Origin> {
  const origin = new Origin(onRequest, options);
  await origin.listen(options.port ?? 0);
  t.after(() => origin.stop());
  return origin;
}

/** A 200 response with `body` and its length. */
export function ok(body = 'ok', fields = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}
