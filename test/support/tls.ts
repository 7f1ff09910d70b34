// Listeners with TLS in tests, and clients to ask them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import https from 'node:https';
import tls from 'node:tls';
import { type Authority, type Certificate, createAuthority } from './certificates.ts';
import type { CleansUp } from './gateway.ts';

export const authority: Authority = createAuthority();

/** The files of certificates, `NAME.pem` and `NAME.key` each. */
export function certificateFiles(certificates: Readonly<Record<string, Certificate>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(certificates).flatMap(([name, { cert, key }]) => [
      [`${name}.pem`, cert],
      [`${name}.key`, key],
    ]),
  );
}

export interface SecureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Name of the server's certificate, as its subject tells it. */
  readonly subject: string;
  readonly fingerprint: string;
}

/** Asks by `node:https` on a connection of its own. */
export async function secureGet(port: number, options: https.RequestOptions = {}): Promise<SecureAnswer> {
  const request = https.get({
    host: '127.0.0.1',
    port,
    path: '/',
    servername: 'localhost',
    ca: authority.cert,
    agent: false,
    ...options,
  });
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  const socket = response.socket as tls.TLSSocket;
  const peer = socket.getPeerCertificate();
  response.setEncoding('utf8');
  let body = '';
  for await (const part of response) body += part;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    subject: String(peer.subject.CN),
    fingerprint: peer.fingerprint256,
  };
}

/** Connects by `node:tls`; rejects when the handshake fails. */
export async function connectTls(
  t: CleansUp,
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert, ...options });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket;
}

/** Runs a program to its end; gives what it has written, both streams in one. */
export async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  await once(child, 'close');
  return output;
}
