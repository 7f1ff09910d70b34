// Makes a ProxyError of what has ended an HTTP/2 stream, or the wait for one, before its time.
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { grpcStatusOfReset } from '#wire/grpc/status.ts';
import { TOO_LARGE } from '#wire/http2/client-session.ts';
import type { StreamLoss } from '#wire/http2/stream.ts';
import type { Http2Connection } from './http2-connection.ts';
import type { Http2Pool } from './http2-pool.ts';

/** What an attempt waits for before it has a stream: a connection that is being opened, or its turn on one that is busy. */
export type AwaitedConnection = 'opening' | 'turn';

/** The error for a wait for a connection, or for a turn on one, that took too long. */
export function waitError(awaits: AwaitedConnection): ProxyError {
  if (awaits === 'opening') return new ProxyError('connection_timeout');
  return new ProxyError('connection_limit_reached', 'no stream became free in time');
}

/** The error for an endpoint that has stopped: within its response, or before, and then perhaps within the request. */
export function timeoutError(isAnswered: boolean, isSending: boolean): ProxyError {
  if (isAnswered) return new ProxyError('http_response_timeout');
  return new ProxyError(isSending ? 'connection_write_timeout' : 'connection_read_timeout');
}

/** What is known of the connection of a stream that was lost. */
export interface LossSurroundings {
  /** Whether the connection has served requests before, and nothing has come on it since it had none. */
  readonly isStale: boolean;
  /** Whether the endpoint has ended it without an error, and has taken some other request than the one of this stream. */
  endsInOrderFor(streamId: number): boolean;
}

/** A stream that was lost. */
export interface LostStream {
  readonly id: number;
  readonly loss: StreamLoss;
  readonly connection: Http2Connection;
}

/** The error for a stream that was lost before the response head was here. The pool is told what the next requests had better do. */
export function lossError({ id, loss, connection }: LostStream, pool: Http2Pool, { grpc }: Exchange): ProxyError {
  if (loss.by === 'peer' && loss.code === 'HTTP_1_1_REQUIRED')
    return http1Error(pool.requireHttp1(), grpc !== undefined);
  if (loss.isUnprocessed) pool.refusedBy(connection);
  return unansweredError(id, loss, connection);
}

function unansweredError(streamId: number, loss: StreamLoss, surroundings: LossSurroundings): ProxyError {
  const { by, code, reason } = loss;
  if (by === 'breach') return breachError(reason);
  if (loss.isUnprocessed) {
    // RFC 9113 8.7: what is beyond the last stream of GOAWAY, or refused, was not processed. The end of a connection that has served is
    // no failure of the endpoint. One that takes nothing at all would be asked for ever, if that were none.
    return new ProxyError('connection_terminated', `the endpoint has not taken the request: ${reason}`, {
      retryable: 'always',
      stale: surroundings.endsInOrderFor(streamId),
      unprocessed: true,
    });
  }
  if (by === 'peer') {
    return new ProxyError('connection_terminated', `the endpoint has ended the stream: ${code}`, {
      grpcStatus: grpcStatusOfReset(code),
    });
  }
  return new ProxyError('connection_terminated', reason, { stale: surroundings.isStale });
}

/**
 * The error for HTTP_1_1_REQUIRED (RFC 9113 7). Where the next requests `useHttp1`, it is no failure of the endpoint. That nothing was done
 * for this one it does not say (RFC 9113 8.7), so that methods that may not be sent twice are not.
 */
function http1Error(useHttp1: boolean, isCall: boolean): ProxyError {
  const wish = 'the endpoint wants HTTP/1.1 (HTTP_1_1_REQUIRED)';
  if (isCall) return new ProxyError('http_protocol_error', `${wish}, and calls of gRPC go over HTTP/2 only`);
  if (!useHttp1) return new ProxyError('http_protocol_error', `${wish}: \`protocol\` has to be http1 or auto for that`);
  return new ProxyError('connection_terminated', `${wish}: the next requests go over that`, { stale: true });
}

/** The same behind the response head. */
export function incompleteError({ by, code, reason }: StreamLoss): ProxyError {
  if (by === 'breach') return breachError(reason);
  return new ProxyError('http_response_incomplete', reason, {
    grpcStatus: by === 'peer' ? grpcStatusOfReset(code) : undefined,
  });
}

function breachError(reason: string): ProxyError {
  const code = reason === TOO_LARGE ? 'http_response_header_section_size' : 'http_protocol_error';
  return new ProxyError(code, `the origin's response is invalid: ${reason}`);
}
