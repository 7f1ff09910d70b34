// Asks name servers: over UDP, and over TCP when the answer does not fit (RFC 7766); one server after the other, twice.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { connect, isIP } from 'node:net';
import type { ResolverHost } from '#model/resolver.ts';
import { s } from '#schema/blocks.ts';
import { type DnsAnswer, type RecordType, readAnswer, writeQuery } from '#wire/dns/message.ts';
import { Deadline } from './deadline.ts';

export interface Question {
  readonly name: string;
  readonly type: RecordType;
}

interface NameServer {
  readonly address: string;
  readonly port: number;
}

const PORT = 53;
const TIMEOUT_MS = 2000;
const TRIES = 2;

/** RFC 1035 4.1.1 and RFC 2136 2.2: what a code says. */
const NAME_ERROR = 3;
const CODES: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  4: 'NOTIMP',
  5: 'REFUSED',
  9: 'NOTAUTH',
};

/** A name server as it is written: an address, with or without a port. */
export const nameServer = () =>
  s.checked((text) =>
    parseServer(text)
      ? undefined
      : `"${text}" is no name server such as 10.0.0.53, 10.0.0.53:5353 or [2001:db8::53]:53`,
  );

export class DnsClient {
  readonly #host: ResolverHost;
  readonly #servers: readonly string[];

  /** Without `servers` those of the system are asked. */
  constructor(host: ResolverHost, servers: readonly string[]) {
    this.#host = host;
    this.#servers = servers;
  }

  /**
   * The answer of the first server that gives one: records, or none when there are none or no such name. Rejects with what
   * the last server said when none does.
   */
  async ask(question: Question, signal: AbortSignal): Promise<DnsAnswer> {
    // Read each time: those of the system may change.
    const servers = this.#servers.length > 0 ? this.#servers : new dns.Resolver().getServers();
    const tries = Array.from({ length: TRIES }, () => servers).flat();
    let failure = new Error('the system names no name server');
    for (const server of tries) {
      try {
        return await this.#askServer(parseServer(server) as NameServer, question, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        failure = new Error(`${question.name} ${question.type}: ${(error as Error).message} from ${server}`);
      }
    }
    throw failure;
  }

  async #askServer(server: NameServer, { name, type }: Question, signal: AbortSignal): Promise<DnsAnswer> {
    // RFC 5452 9.2: an id that cannot be guessed. The port is drawn by the system for each query.
    const id = randomInt(0x10000);
    const query = writeQuery(id, name, type);
    const read = (bytes: Buffer) => readAnswer(bytes, id, name, type);
    let answer = await this.#within(signal, (limit) => overUdp(server, query, read, limit));
    if (answer.truncated) answer = await this.#within(signal, (limit) => overTcp(server, query, read, limit));
    if (answer.code !== 0 && answer.code !== NAME_ERROR) throw new Error(CODES[answer.code] ?? `code ${answer.code}`);
    return answer;
  }

  async #within<T>(signal: AbortSignal, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.#host, signal, TIMEOUT_MS);
    try {
      return await work(deadline.signal);
    } finally {
      deadline.release();
    }
  }
}

type Exchange = (
  server: NameServer,
  query: Buffer,
  read: (bytes: Buffer) => DnsAnswer,
  limit: AbortSignal,
) => Promise<DnsAnswer>;

const overUdp: Exchange = ({ address, port }, query, read, limit) => {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  const done = new Promise<DnsAnswer>((resolve, reject) => {
    const giveUp = () => reject(new Error('no answer'));
    if (limit.aborted) giveUp();
    limit.addEventListener('abort', giveUp, { once: true });
    socket.on('error', reject);
    socket.on('message', (bytes) => {
      try {
        resolve(read(bytes));
      } catch {
        // RFC 5452 9.1: what does not match the query is dropped, and the wait goes on.
      }
    });
    // A connected socket gets packets of this server alone. Where there is no way to it, Node gives the error to the callback,
    // against its types.
    socket.connect(port, address, (error?: Error) => (error ? reject(error) : socket.send(query)));
  });
  return done.finally(() => socket.close());
};

const overTcp: Exchange = ({ address, port }, query, read, limit) => {
  const socket = connect({ host: address, port, signal: limit });
  const done = new Promise<DnsAnswer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.once('error', (error) => reject(limit.aborted ? new Error('no answer') : error));
    socket.once('close', () => reject(new Error('no whole answer')));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      // RFC 1035 4.2.2: a message over TCP has its length, of 16 bits, in front.
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      try {
        resolve(read(received.subarray(2, 2 + received.readUInt16BE(0))));
      } catch (error) {
        reject(error);
      }
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
  return done.finally(() => socket.destroy());
};

function parseServer(text: string): NameServer | undefined {
  if (isIP(text) !== 0) return { address: text, port: PORT };
  const match = /^(?:\[([^\]]+)\]|([0-9.]+))(?::([0-9]{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? PORT);
  return isIP(address) !== 0 && port > 0 && port < 65536 ? { address, port } : undefined;
}
