// A client for tests that sends exactly the bytes it is told to, and reads what comes back.
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connected } from './connected.ts';
import { type Framing, type ReadMessage, WireReader } from './wire-reader.ts';

export interface ReadResponse extends ReadMessage {
  readonly status: number;
}

export interface RawClientOptions {
  /** Address that the connection comes from: any of 127.0.0.0/8. */
  readonly from?: string;
  /** Stops reading until `socket.resume()`. */
  readonly paused?: boolean;
}

export interface ReadOptions {
  /** The method that was sent: a response to HEAD has no content. */
  readonly method?: string;
  /** Content ends with the connection. */
  readonly untilClose?: boolean;
}

export class RawClient {
  readonly socket: Socket;
  readonly reader = new WireReader();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.reader.push(bytes));
    socket.on('end', () => this.reader.end());
    socket.on('error', (error) => this.reader.end(error));
    socket.on('close', () => this.reader.end());
  }

  /** Writes the bytes of a Latin-1 string; resolves when they are with the kernel. */
  send(bytes: string | Buffer): Promise<void> {
    const owned = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => void this.socket.write(owned, () => resolve()));
  }

  /** Writes `bytes` in pieces of at most `size` bytes, each a packet of its own. */
  async sendSplit(bytes: string, size = 1): Promise<void> {
    this.socket.setNoDelay(true);
    for (let at = 0; at < bytes.length; at += size) {
      await this.send(bytes.slice(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next final response; interim ones (1xx other than 101) are passed over. */
  async response(options: ReadOptions = {}): Promise<ReadResponse> {
    for (;;) {
      const message = await this.anyResponse(options);
      if (message.status >= 200 || message.status === 101) return message;
    }
  }

  /** The next response, interim or final. */
  async anyResponse({ method = 'GET', untilClose = false }: ReadOptions = {}): Promise<ReadResponse> {
    const status = Number((await this.#peekHead()).slice(9, 12));
    let framing: Framing = untilClose ? 'close' : 'fields';
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) framing = 'none';
    return { ...(await this.reader.message(framing)), status };
  }

  /** Sends a request and reads the response to it. */
  async request(bytes: string, options?: ReadOptions): Promise<ReadResponse> {
    const [method = 'GET'] = bytes.split(' ', 1);
    void this.send(bytes);
    return await this.response({ method, ...options });
  }

  /** Everything that still comes, until the peer closes. */
  closed(): Promise<string> {
    return this.reader.rest();
  }

  /** Ends this side; the other may still send. */
  end(): void {
    this.socket.end();
  }

  /** Breaks the connection with a reset. */
  abort(): void {
    this.socket.resetAndDestroy();
  }

  async #peekHead(): Promise<string> {
    const head = await this.reader.head();
    this.reader.unshift(head);
    return head;
  }
}

/** Connects to a port of this machine; the caller ends the connection. */
export async function connectTo(port: number, options: RawClientOptions = {}): Promise<RawClient> {
  const from = options.from === undefined ? {} : { localAddress: options.from };
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, ...from });
  const client = new RawClient(socket);
  if (options.paused) socket.pause();
  await connected(socket);
  return client;
}

/** The same; the connection is ended after the test. */
export async function connectRaw(t: TestContext, port: number, options: RawClientOptions = {}): Promise<RawClient> {
  const client = await connectTo(port, options);
  t.after(() => client.socket.destroy());
  return client;
}

/** Sends `bytes` on a connection of its own and returns the response. */
export async function exchange(
  t: TestContext,
  port: number,
  bytes: string,
  options?: ReadOptions,
): Promise<ReadResponse> {
  const client = await connectRaw(t, port);
  const response = await client.request(bytes, options);
  client.socket.destroy();
  return response;
}
