// A load that does not wait for answers: requests become due at a fixed rate, whatever the proxy does. A request that finds no
// free connection waits, and its waiting counts, so that a pause of the proxy is seen by all requests that it held up.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { CONNECTIONS } from './wrk.ts';

/** How often due requests are sent: those of an interval leave together. */
const INTERVAL_MS = 1;
/** How much longer than planned a run may take before it counts as stuck. */
const GRACE_MS = 10_000;

export interface OpenLoopLoad {
  readonly port: number;
  /** Sent in turn. */
  readonly heads: readonly string[];
  readonly seconds: number;
  readonly requestsPerSecond: number;
}

/** A connection, what it has received of a response, and when the request for that became due. */
interface Line {
  readonly socket: Socket;
  received: string;
  dueAt: number;
}

/** Returns the latency of each request in milliseconds, in ascending order. Rejects when a request fails or the proxy is stuck. */
export async function runOpenLoop(load: OpenLoopLoad): Promise<readonly number[]> {
  const sockets = Array.from({ length: CONNECTIONS }, () =>
    connect(load.port, '127.0.0.1').setNoDelay().setEncoding('latin1'),
  );
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const latencies = await new OpenLoop(load, sockets).run();
    return latencies.toSorted((a, b) => a - b);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

class OpenLoop {
  readonly #load: OpenLoopLoad;
  readonly #free: Line[];
  readonly #total: number;
  /** When each request became due. */
  readonly #due: number[] = [];
  #sent = 0;
  readonly #latencies: number[] = [];
  readonly #finished = Promise.withResolvers<void>();

  constructor(load: OpenLoopLoad, sockets: readonly Socket[]) {
    this.#load = load;
    this.#total = Math.floor(load.seconds * load.requestsPerSecond);
    this.#free = sockets.map((socket) => ({ socket, received: '', dueAt: 0 }));
    for (const line of this.#free) this.#listen(line);
  }

  async run(): Promise<readonly number[]> {
    const began = performance.now();
    const timer = setInterval(() => this.#tick(began), INTERVAL_MS);
    try {
      await this.#finished.promise;
    } finally {
      clearInterval(timer);
    }
    return this.#latencies;
  }

  #tick(began: number): void {
    const now = performance.now();
    const elapsedMs = now - began;
    if (elapsedMs > this.#load.seconds * 1000 + GRACE_MS) {
      this.#finished.reject(new Error(`${this.#total - this.#latencies.length} requests got no answer`));
    }
    const due = Math.min(this.#total, Math.floor((elapsedMs * this.#load.requestsPerSecond) / 1000));
    while (this.#due.length < due) this.#due.push(now);
    this.#send();
  }

  #send(): void {
    const { heads } = this.#load;
    while (this.#sent < this.#due.length) {
      const line = this.#free.pop();
      if (!line) return;
      line.dueAt = this.#due[this.#sent] ?? 0;
      line.socket.write(heads[this.#sent % heads.length] ?? '', 'latin1');
      this.#sent++;
    }
  }

  #listen(line: Line): void {
    const fail = () => this.#finished.reject(new Error('a connection ended during the run'));
    line.socket.on('error', fail).on('close', fail);
    line.socket.on('data', (text: string) => {
      line.received += text;
      if (!isComplete(line.received)) return;
      if (!line.received.startsWith('HTTP/1.1 200 ')) {
        this.#finished.reject(new Error(`an answer was ${line.received.slice(0, 40)}`));
      }
      line.received = '';
      this.#latencies.push(performance.now() - line.dueAt);
      this.#free.push(line);
      this.#send();
      if (this.#latencies.length === this.#total) this.#finished.resolve();
    });
  }
}

/** Whether the text is a whole response; the origin always says how long its content is. */
function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1]);
  return text.length >= end + 4 + length;
}
