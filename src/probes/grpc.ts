// Probe: the endpoint says by gRPC's health protocol that it, or one of its services, is serving.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
import type http2 from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { plainReason } from '#model/plain-reason.ts';
import { defineProbe, type ProbeTarget } from '#model/probe.ts';
import { formatAddress } from '#schema/address.ts';
import { type Output, s } from '#schema/blocks.ts';
import { decodeHealthCheckResponse, encodeHealthCheckRequest, HEALTH_CHECK_PATH } from '#wire/grpc/health-check.ts';
import { GRPC_STATUS_NAMES } from '#wire/grpc/status.ts';
import { probeConnection, type Settle, TlsChoice, tlsOption } from './connection.ts';

/** A response has a few bytes; one that is longer than this is none. */
const MAX_RESPONSE_BYTES = 65536;
/** What of an endpoint's own words becomes part of the reason. */
const MAX_MESSAGE = 200;

const options = s.object({
  service: s.string().default('').describe('Name of the service that is asked for; the whole server by default.'),
  host: s.fieldValue().optional().describe('Authority of the request; the address of the endpoint by default.'),
  tls: tlsOption,
});

type Options = Output<typeof options>;

export const grpc = defineProbe({
  type: 'grpc',
  summary: 'The endpoint is healthy when it answers SERVING by the health protocol of gRPC (grpc.health.v1).',
  options: () => options,
  create(given) {
    const choice = new TlsChoice(given.tls, ['h2'], given.host?.replace(/:\d+$/, ''));
    return {
      check(target, signal) {
        const secured = choice.of(target);
        return probeConnection(target, secured, signal, (socket, settle) => {
          if (secured && (socket as TLSSocket).alpnProtocol !== 'h2')
            settle(false, 'the endpoint does not offer HTTP/2');
          else ask(given, target, socket, settle);
        });
      },
    };
  },
});

function ask(given: Options, target: ProbeTarget, socket: Socket, settle: Settle): void {
  const session = process
    .getBuiltinModule('node:http2')
    .connect('http://localhost', { createConnection: () => socket });
  const fail = (error: NodeJS.ErrnoException) => settle(false, reasonOf(error));
  session.on('error', fail);
  const stream = session.request({
    ':method': 'POST',
    ':scheme': 'encrypted' in socket ? 'https' : 'http',
    ':authority': given.host ?? (target.socketPath === '' ? formatAddress(target) : 'localhost'),
    ':path': HEALTH_CHECK_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'tidegate-probe',
  });
  stream.on('error', fail);
  readAnswer(stream, settle);
  stream.end(encodeHealthCheckRequest(given.service));
}

function readAnswer(stream: http2.ClientHttp2Stream, settle: Settle): void {
  const parts: Buffer[] = [];
  let length = 0;
  // A response that is only a head has gRPC's status there, any other in its trailers.
  let fields: http2.IncomingHttpHeaders | undefined;
  stream.once('response', (head) => {
    fields = head;
    if (head[':status'] !== 200) settle(false, `status ${head[':status']}`);
  });
  stream.once('trailers', (trailers) => {
    fields = trailers;
  });
  stream.on('data', (bytes: Buffer) => {
    length += bytes.length;
    if (length > MAX_RESPONSE_BYTES) settle(false, 'the answer is too long');
    else parts.push(bytes);
  });
  stream.once('end', () => {
    if (fields) judge(fields, Buffer.concat(parts), settle);
    else settle(false, 'closed before the answer');
  });
}

function judge(fields: http2.IncomingHttpHeaders, content: Buffer, settle: Settle): void {
  const status = fields['grpc-status'];
  if (status === undefined) {
    settle(false, 'the answer is not of gRPC: it has no grpc-status');
  } else if (status !== '0') {
    const name = GRPC_STATUS_NAMES[Number(status)] ?? `grpc-status ${status}`;
    const message = decodeMessage(String(fields['grpc-message'] ?? ''));
    settle(false, message === '' ? name : `${name}: ${message}`);
  } else {
    const serving = decodeHealthCheckResponse(content);
    settle(serving === 'SERVING', serving ?? 'the answer is not of the health protocol');
  }
}

/** gRPC sends its messages percent-encoded; one that is not so is taken as it is. */
function decodeMessage(encoded: string): string {
  const text = encoded.slice(0, MAX_MESSAGE);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code === 'ERR_HTTP2_ERROR' ? `the endpoint does not speak HTTP/2: ${error.message}` : plainReason(error);
}
