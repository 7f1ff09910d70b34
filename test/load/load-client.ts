// A client that keeps many connections busy, sends GET and POST in turn, and remembers each request that did not end well.
import { connect, type Socket } from 'node:net';
import { WireReader } from '../support/wire-reader.ts';

export interface Failure {
  readonly method: 'GET' | 'POST';
  /** What the client saw: a status, or how the connection broke. */
  readonly seen: string;
  /** `performance.now` when the request was sent, and when it failed. */
  readonly sentAt: number;
  readonly failedAt: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Pause of a connection between two requests; without one it sends at once. */
  readonly pauseMs?: number;
}

const BODY = 'x'.repeat(1000);

export class LoadClient {
  requests = 0;
  /** Milliseconds of each request that was answered 200. */
  readonly latencies: number[] = [];
  readonly failures: Failure[] = [];
  readonly #options: LoadOptions;
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loops = Array.from({ length: this.#options.connections }, (_, index) => this.#loop(index));
  }

  /** Lets the requests under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #loop(index: number): Promise<void> {
    let connection: Connection | undefined;
    for (let turn = index; !this.#stopped; turn++) {
      connection ??= await Connection.open(this.#options.port);
      const method = turn % 5 === 0 ? 'POST' : 'GET';
      const sentAt = performance.now();
      this.requests++;
      const outcome = await connection.request(method, `/load/${index}/${turn}`);
      const endedAt = performance.now();
      if (outcome.seen === '200') this.latencies.push(endedAt - sentAt);
      else this.failures.push({ method, seen: outcome.seen, sentAt, failedAt: endedAt });
      if (outcome.closes) {
        connection.close();
        connection = undefined;
      }
      if (this.#options.pauseMs) await new Promise((resolve) => setTimeout(resolve, this.#options.pauseMs));
    }
    connection?.close();
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #reader = new WireReader();

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#reader.push(bytes));
    socket.on('end', () => this.#reader.end());
    socket.on('error', (error) => this.#reader.end(error));
    socket.on('close', () => this.#reader.end());
  }

  async request(method: 'GET' | 'POST', target: string): Promise<{ readonly seen: string; readonly closes: boolean }> {
    const content = method === 'POST' ? `Content-Length: ${BODY.length}\r\n\r\n${BODY}` : '\r\n';
    this.#socket.write(`${method} ${target} HTTP/1.1\r\nHost: load.example.com\r\n${content}`);
    try {
      const response = await this.#reader.message();
      const status = response.start.split(' ')[1] ?? '';
      const right = status !== '200' || response.body.includes(`"url":"${target}"`);
      return {
        seen: right ? status : `200 for another request: ${response.body}`,
        closes: response.field('connection') === 'close',
      };
    } catch (error) {
      return { seen: (error as Error).message, closes: true };
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
