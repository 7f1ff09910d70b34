// Turns a ProxyError into what a client of gRPC can read: a status in the head of a response without content ("Trailers-Only"), or in
// trailers behind content that has begun.
import { Fields } from '#http/fields.ts';
import { type GrpcCall, grpcStatusOfError } from '#model/grpc-call.ts';
import type { Response } from '#model/message.ts';
import { ERROR_KINDS, type ProxyError } from '#model/proxy-error.ts';
import { encodeGrpcMessage } from '#wire/grpc/status.ts';
import { formatGrpcMediaType } from '#wire/grpc/web.ts';

/** The whole response; `fields` are those that any answer would have. gRPC-Web has it so too. */
export function grpcAnswer(call: GrpcCall, error: ProxyError, fields: Fields): Response {
  call.status = grpcStatusOfError(error);
  fields.set('content-type', formatGrpcMediaType(call.mediaType));
  for (const [name, value] of call.answerFields) fields.set(name, value);
  setStatus(fields, error);
  // PROTOCOL-HTTP2: "Trailers-Only → HTTP-Status Content-Type Trailers", and "HTTP-Status → ":status 200"".
  return { status: 200, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
}

/** Trailers for content that cannot go on. */
export function grpcTrailers(error: ProxyError): Fields {
  const fields = new Fields();
  setStatus(fields, error);
  return fields;
}

function setStatus(fields: Fields, error: ProxyError): void {
  fields.set('grpc-status', String(grpcStatusOfError(error)));
  fields.set('grpc-message', encodeGrpcMessage(ERROR_KINDS[error.code].detail));
}
