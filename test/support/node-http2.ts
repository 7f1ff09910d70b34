// HTTP/2 clients on `node:http2`, for tests of what programs of others see: whole answers with all that came before and behind them.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type Settings,
} from 'node:http2';
import type { CleansUp } from './gateway.ts';
import { ERROR_NAMES } from './http2-frames.ts';
import { authority } from './tls.ts';

export interface NodeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  /** Informational responses ahead of it. */
  readonly informational: readonly (IncomingHttpHeaders & IncomingHttpStatusHeader)[];
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** Of RST_STREAM, which may come behind a whole answer too: `NO_ERROR` without one. */
  readonly code: string;
}

export interface NodeConnectOptions {
  /** Over TLS, trusting the authority for tests; by default in the clear with prior knowledge. */
  readonly secure?: boolean;
  readonly settings?: Settings;
}

/** A session with a gateway on this machine, which is closed after the test. */
export async function connectNode(
  t: CleansUp,
  port: number,
  { secure = false, settings = {} }: NodeConnectOptions = {},
): Promise<ClientHttp2Session> {
  const session = connect(`${secure ? 'https' : 'http'}://localhost:${port}`, {
    lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    ca: authority.cert,
    settings: { enablePush: false, ...settings },
  });
  session.on('error', () => {});
  t.after(() => session.destroy());
  await once(session, 'connect');
  return session;
}

/** A GET for a path, or a request with these fields, whose content, if any, is sent at once, with trailers if there are some. */
export function send(
  session: ClientHttp2Session,
  request: string | OutgoingHttpHeaders,
  content?: string | Buffer,
  trailers?: OutgoingHttpHeaders,
): ClientHttp2Stream {
  const fields = typeof request === 'string' ? { ':path': request } : request;
  const stream = session.request(fields, { endStream: content === undefined, waitForTrailers: trailers !== undefined });
  if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  if (content !== undefined) stream.end(content);
  return stream;
}

/** The answer to `send` of the same. */
export function ask(...sent: Parameters<typeof send>): Promise<NodeAnswer> {
  return answerOf(send(...sent));
}

/** The whole answer on a stream. Rejects when there is none, or it breaks off. */
export function answerOf(stream: ClientHttp2Stream): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const informational: (IncomingHttpHeaders & IncomingHttpStatusHeader)[] = [];
    const body: Buffer[] = [];
    let headers: NodeAnswer['headers'] = {};
    let trailers: IncomingHttpHeaders = {};
    let isWhole = false;
    stream.on('headers', (fields) => informational.push(fields));
    stream.on('response', (fields) => (headers = fields));
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (bytes: Buffer) => body.push(bytes));
    stream.on('end', () => (isWhole = !stream.aborted));
    stream.on('error', reject);
    stream.on('close', () => {
      const status = headers[':status'] ?? 0;
      const code = ERROR_NAMES[stream.rstCode] ?? String(stream.rstCode);
      if (!isWhole || status === 0) reject(new Error(`the stream ended early with ${code}`));
      else resolve({ status, headers, informational, body: Buffer.concat(body), trailers, code });
    });
  });
}
