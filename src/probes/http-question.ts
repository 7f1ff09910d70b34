// Asks an endpoint one question of HTTP on a connection that stands, in either version, for the http probe.
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { nodeHttp } from '#lib/node-http.ts';

export interface ProbeQuestion {
  readonly method: string;
  /** The target. */
  readonly path: string;
  /** Fields by name in lower case, Host among them. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content: Readable;
}

/** Exactly one of `answered` and `failed` is called first; `failed` may follow while content is read. */
export function askHttp1(
  socket: Socket,
  { method, path, fields }: ProbeQuestion,
  answered: (answer: ProbeAnswer) => void,
  failed: (error: Error) => void,
): void {
  const request = nodeHttp.request({ createConnection: () => socket, method, path, headers: fields });
  request.on('error', failed);
  request.once('response', (response) => {
    response.on('error', failed);
    answered({ status: response.statusCode ?? 0, headers: response.headers, content: response });
  });
  request.end();
}

/** The same over HTTP/2. */
export function askHttp2(
  socket: Socket,
  { method, path, fields }: ProbeQuestion,
  answered: (answer: ProbeAnswer) => void,
  failed: (error: Error) => void,
): void {
  // Loaded by who needs it.
  const session = process
    .getBuiltinModule('node:http2')
    .connect('http://localhost', { createConnection: () => socket });
  session.on('error', failed);
  const { host = 'localhost', ...others } = fields;
  const stream = session.request({
    ':method': method,
    ':scheme': 'encrypted' in socket ? 'https' : 'http',
    ':authority': host,
    ':path': path,
    ...others,
  });
  stream.on('error', failed);
  stream.once('response', (headers) => answered({ status: headers[':status'] ?? 0, headers, content: stream }));
  stream.end();
}
