// How requests get to an ACME server or an OCSP responder: bounded in time and size, over TLS with the authorities of the configuration.
import type http from 'node:http';
import { readVersion } from '#lib/version.ts';

const AGENT = `tidegate/${readVersion()}`;
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1024 * 1024;

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Resolves with the answer whatever its status. Rejects when there is none in time, or it is too long. */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>;

/** `authorities` are trusted instead of those of the system, in PEM. Redirects are not followed. */
export function createTransport(authorities?: string): Transport {
  // Not by an import, which would have every gateway load them: see node-http.ts.
  const { request: requestPlain } = process.getBuiltinModule('node:http');
  const { request: requestSecure } = process.getBuiltinModule('node:https');
  return async ({ method, url, headers, body, signal }) => {
    const { protocol } = new URL(url);
    const isSecure = protocol === 'https:';
    if (!isSecure && protocol !== 'http:') throw new Error(`not an http or https URL: ${url}`);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const options = {
      method,
      // RFC 8555 section 6.1: "clients MUST send a User-Agent header field".
      headers: { 'user-agent': AGENT, 'accept-language': 'en', ...headers },
      agent: false,
      signal: AbortSignal.any([signal, timeout]),
    } as const;
    const request = isSecure
      ? requestSecure(url, { ...options, ...(authorities !== undefined && { ca: authorities }) })
      : requestPlain(url, options);
    try {
      const response = await exchange(request, body);
      return { status: response.statusCode ?? 0, headers: response.headers, body: await readWhole(response) };
    } catch (error) {
      throw timeout.aborted && !signal.aborted ? new Error('no answer in time') : error;
    }
  };
}

function exchange(request: http.ClientRequest, body: string | Uint8Array | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
    // What is no response, such as a switch of protocols, closes the connection without an error.
    request.once('close', () => reject(new Error('the server gave no response')));
    request.end(body);
  });
}

async function readWhole(response: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BYTES) throw new Error('the answer is larger than 1 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
