// A client that sends single requests of the benchmarks in any of their protocols, to see what a proxy does with them.
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { isSecure, type Protocol } from './protocol.ts';

export interface Answer {
  readonly status: number | undefined;
  readonly via: string;
  readonly content: Buffer;
}

export interface BenchClient {
  /** Sends a request as `requestHeads` gives it. Rejects when there is no answer. */
  ask(head: string): Promise<Answer>;
  close(): void;
}

export function openClient(port: number, protocol: Protocol): BenchClient {
  return protocol === 'h2' || protocol === 'h2c' ? openHttp2(port, protocol) : openHttp1(port, protocol);
}

function openHttp1(port: number, protocol: Protocol): BenchClient {
  const { Agent, get } = isSecure(protocol) ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  return {
    async ask(head) {
      const { target, fields } = parse(head);
      // Lines as they are, which Node.js takes as one list of names and values.
      const options = { agent, port, host: '127.0.0.1', path: target, headers: fields.flat(), servername: 'localhost' };
      const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
      get(options, resolve).once('error', reject);
      const response = await promise;
      const content = Buffer.concat(await response.toArray());
      return { status: response.statusCode, via: String(response.headers.via), content };
    },
    close: () => agent.destroy(),
  };
}

function openHttp2(port: number, protocol: Protocol): BenchClient {
  const session = http2.connect(`${protocol === 'h2' ? 'https' : 'http'}://localhost:${port}`, {
    rejectUnauthorized: false,
  });
  session.on('error', () => {});
  return {
    async ask(head) {
      const { target, fields } = parse(head);
      const stream = session.request(
        Object.fromEntries([
          [':path', target],
          ...fields.map(([name, value]) => [name === 'Host' ? ':authority' : name.toLowerCase(), value]),
        ]),
      );
      const { promise, resolve, reject } = Promise.withResolvers<http2.IncomingHttpHeaders>();
      stream.once('response', resolve).once('error', reject);
      stream.once('close', () => reject(new Error('no answer')));
      const headers = await promise;
      const content = Buffer.concat(await stream.toArray());
      return { status: Number(headers[':status']), via: String(headers.via), content };
    },
    close: () => session.destroy(),
  };
}

function parse(head: string) {
  const [requestLine = '', ...lines] = head.trimEnd().split('\r\n');
  const fields = lines.map((line): [string, string] => [
    line.slice(0, line.indexOf(':')),
    line.slice(line.indexOf(':') + 2),
  ]);
  return { target: requestLine.split(' ')[1] ?? '/', fields };
}
