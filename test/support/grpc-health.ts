// A server that speaks gRPC's health protocol over HTTP/2, as a test wants it to.
import http2 from 'node:http2';
import type { Server } from 'node:net';
import type { Certificate } from './certificates.ts';

export interface GrpcAnswer {
  /** Of the message; the other fields of the answer by default are those of a good one. */
  readonly status?: 0 | 1 | 2 | 3;
  /** Answers with a head alone that has these fields ("Trailers-Only"). */
  readonly headOnly?: http2.OutgoingHttpHeaders;
  /** Instead of the message. */
  readonly bytes?: Buffer;
  readonly trailers?: http2.OutgoingHttpHeaders;
}

export interface GrpcRequest {
  readonly fields: http2.IncomingHttpHeaders;
  readonly content: Buffer;
}

/** Called for each request; answers nothing when it returns `undefined`. */
export type OnGrpcRequest = (request: GrpcRequest, stream: http2.ServerHttp2Stream) => GrpcAnswer | undefined;

/** With a certificate it speaks TLS. It is the caller's to let it listen. */
export function createGrpcServer(onRequest: OnGrpcRequest, certificate?: Certificate): Server {
  const server = certificate ? http2.createSecureServer(certificate) : http2.createServer();
  server.on('sessionError', () => {});
  server.on('stream', (stream: http2.ServerHttp2Stream, fields: http2.IncomingHttpHeaders) => {
    const parts: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => parts.push(bytes));
    stream.once('end', () => {
      const answer = onRequest({ fields, content: Buffer.concat(parts) }, stream);
      if (answer) respond(stream, answer);
    });
  });
  return server;
}

function respond(stream: http2.ServerHttp2Stream, answer: GrpcAnswer): void {
  const head = { ':status': 200, 'content-type': 'application/grpc' };
  if (answer.headOnly) {
    stream.respond({ ...head, ...answer.headOnly }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(answer.trailers ?? { 'grpc-status': '0' }));
  const { status = 1 } = answer;
  stream.end(answer.bytes ?? Buffer.from(status === 0 ? [0, 0, 0, 0, 0] : [0, 0, 0, 0, 2, 8, status]));
}
