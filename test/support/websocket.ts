// WebSocket clients and origins for tests by the ws package: what messages come, and how it ends.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { CleansUp } from './gateway.ts';

/** How a WebSocket ended. */
export interface WsEnd {
  readonly code: number;
  readonly reason: string;
}

/** One side of a WebSocket, with what has come to it. */
export class WsPeer {
  readonly socket: WebSocket;
  /** Of an origin: the request that has opened it. */
  readonly request: IncomingMessage | undefined;
  /** Of a client: the answer to its handshake. */
  answer: IncomingMessage | undefined;
  readonly pings: Buffer[] = [];
  readonly #messages: string[] = [];
  readonly #end: Promise<WsEnd>;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(socket: WebSocket, request?: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on('message', (data) => {
      this.#messages.push(data.toString());
      this.#wake();
    });
    socket.on('ping', (payload) => {
      this.pings.push(payload);
      this.#wake();
    });
    socket.on('upgrade', (answer) => {
      this.answer = answer;
    });
    socket.on('error', () => {});
    this.#end = once(socket, 'close').then(([code, reason]) => {
      this.#hasEnded = true;
      this.#wake();
      return { code: Number(code), reason: String(reason) };
    });
  }

  /** The next message as text; rejects when it ends before. */
  async next(): Promise<string> {
    await this.#until(() => this.#messages.length > 0);
    return this.#messages.shift() as string;
  }

  /** Resolves when so many pings have come. */
  untilPinged(count = 1): Promise<void> {
    return this.#until(() => this.pings.length >= count);
  }

  send(message: string | Uint8Array): void {
    this.socket.send(message);
  }

  /** Resolves with how it ends. */
  get closed(): Promise<WsEnd> {
    return this.#end;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#hasEnded) throw new Error(`the WebSocket has ended with ${JSON.stringify(await this.#end)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export class WsOrigin {
  readonly #server: WebSocketServer;
  readonly #peers: WsPeer[] = [];
  #taken = 0;
  #wake: () => void = () => {};

  constructor(server: WebSocketServer, onPeer: (peer: WsPeer) => void) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      const peer = new WsPeer(socket, request);
      this.#peers.push(peer);
      onPeer(peer);
      this.#wake();
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Those open now. */
  get open(): number {
    return this.#server.clients.size;
  }

  /** The next WebSocket that somebody opens here. */
  async accept(): Promise<WsPeer> {
    while (this.#peers.length <= this.#taken)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#peers[this.#taken++] as WsPeer;
  }
}

/** Sends everything back. */
export function echo(peer: WsPeer): void {
  peer.socket.on('message', (data, isBinary) => peer.socket.send(data, { binary: isBinary }));
}

/** Starts an origin; it is stopped after the test. */
export async function startWsOrigin(
  t: CleansUp,
  onPeer: (peer: WsPeer) => void = () => {},
  options: ServerOptions = {},
): Promise<WsOrigin> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  await once(server, 'listening');
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return new WsOrigin(server, onPeer);
}

export interface WsClientOptions extends ClientOptions {
  readonly path?: string;
  readonly offers?: readonly string[];
}

/** Opens a WebSocket; rejects when that fails. It is ended after the test. */
export async function openWs(t: CleansUp, port: number, options: WsClientOptions = {}): Promise<WsPeer> {
  const { path = '/', offers = [], ...rest } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...offers], rest);
  t.after(() => socket.terminate());
  const peer = new WsPeer(socket);
  await once(socket, 'open');
  return peer;
}

/** The status that an opening handshake is refused with, and fields of the refusal. */
export async function refusedWs(
  t: CleansUp,
  port: number,
  options: WsClientOptions = {},
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers'] }> {
  const { path = '/', offers = [], ...rest } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...offers], rest);
  t.after(() => socket.terminate());
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers };
}
