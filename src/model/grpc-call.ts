// What a call of gRPC is besides an exchange: how it writes, how long it may take, and how it has ended.
import { GRPC_STATUS, grpcStatusOfHttp } from '#wire/grpc/status.ts';
import { type GrpcMediaType, parseGrpcMediaType } from '#wire/grpc/web.ts';
import type { Request } from './message.ts';
import type { ErrorCode, ProxyError } from './proxy-error.ts';

export class GrpcCall {
  /** As the client writes; answers of the gateway are written so too. */
  readonly mediaType: GrpcMediaType;
  /** `Clock.now` when its deadline passes. */
  deadlineAt = Number.POSITIVE_INFINITY;
  /** The status that it ended with, once that is known. */
  status: number | undefined = undefined;
  /** Fields for answers of the gateway, which pass no policy. */
  answerFields: readonly (readonly [string, string])[] = [];

  constructor(mediaType: GrpcMediaType) {
    this.mediaType = mediaType;
  }
}

/** The call that a request is, with or without gRPC-Web; `undefined` for any other request. */
export function grpcCallOf({ method, contentType }: Request): GrpcCall | undefined {
  if (method !== 'POST') return undefined;
  const mediaType = parseGrpcMediaType(contentType);
  return mediaType && new GrpcCall(mediaType);
}

/** Where it is another one than the HTTP status of the error would have. */
const BY_CODE: Partial<Record<ErrorCode, number>> = {
  'deadline-exceeded': GRPC_STATUS.deadlineExceeded,
  'call-too-long': GRPC_STATUS.deadlineExceeded,
  // The endpoint is there, and asking another time is likely to end the same.
  http_protocol_error: GRPC_STATUS.internal,
  http_response_header_section_size: GRPC_STATUS.internal,
  http_upgrade_failed: GRPC_STATUS.internal,
};

/** Where it is another one than clients take the HTTP status for: they cannot know what the gateway does. */
const BY_HTTP_STATUS: ReadonlyMap<number, number> = new Map([
  [405, GRPC_STATUS.unimplemented],
  [408, GRPC_STATUS.unavailable],
  [413, GRPC_STATUS.resourceExhausted],
  [414, GRPC_STATUS.internal],
  [417, GRPC_STATUS.internal],
  // On another connection it may succeed.
  [421, GRPC_STATUS.unavailable],
  [426, GRPC_STATUS.unimplemented],
  [429, GRPC_STATUS.resourceExhausted],
  [431, GRPC_STATUS.resourceExhausted],
  [499, GRPC_STATUS.cancelled],
  [500, GRPC_STATUS.internal],
  [501, GRPC_STATUS.unimplemented],
  [505, GRPC_STATUS.unimplemented],
  [508, GRPC_STATUS.internal],
]);

/** The status of a call that has ended by an error of the gateway's own. */
export function grpcStatusOfError({ grpcStatus, code, status }: ProxyError): number {
  return grpcStatus ?? BY_CODE[code] ?? BY_HTTP_STATUS.get(status) ?? grpcStatusOfHttp(status);
}

/** The status that a call which is over has ended with, as its client sees it. */
export function grpcStatusOf(
  call: GrpcCall,
  { error, status }: { readonly error: ProxyError | undefined; readonly status: number },
): number {
  return call.status ?? (error ? grpcStatusOfError(error) : grpcStatusOfHttp(status));
}
