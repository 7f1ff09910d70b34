// The statuses of gRPC: their names, how they and their messages stand in fields, and what an HTTP status without one means.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, statuscodes.md and http-grpc-status-mapping.md beside it
import type { ErrorName } from '#wire/http2/protocol.ts';

/** By number. */
export const GRPC_STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Those that a gateway has to do with. */
export const GRPC_STATUS = {
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** The number in `grpc-status`; UNKNOWN for one that has no name, or is none. */
export function parseGrpcStatus(value: string): number {
  const status = /^[0-9]{1,2}$/.test(value) ? Number(value) : GRPC_STATUS.unknown;
  return status < GRPC_STATUS_NAMES.length ? status : GRPC_STATUS.unknown;
}

const BY_HTTP_STATUS: ReadonlyMap<number, number> = new Map([
  [400, GRPC_STATUS.internal],
  [401, GRPC_STATUS.unauthenticated],
  [403, GRPC_STATUS.permissionDenied],
  [404, GRPC_STATUS.unimplemented],
  [429, GRPC_STATUS.unavailable],
  [431, GRPC_STATUS.internal],
  [502, GRPC_STATUS.unavailable],
  [503, GRPC_STATUS.unavailable],
  [504, GRPC_STATUS.unavailable],
]);

/** What a client takes a response without `grpc-status` for. */
export function grpcStatusOfHttp(status: number): number {
  return BY_HTTP_STATUS.get(status) ?? GRPC_STATUS.unknown;
}

/** PROTOCOL-HTTP2, Errors: "The following mapping from RST_STREAM error codes to GRPC error codes is applied." */
const BY_RESET: Partial<Record<ErrorName, number>> = {
  NO_ERROR: GRPC_STATUS.internal,
  PROTOCOL_ERROR: GRPC_STATUS.internal,
  INTERNAL_ERROR: GRPC_STATUS.internal,
  FLOW_CONTROL_ERROR: GRPC_STATUS.internal,
  SETTINGS_TIMEOUT: GRPC_STATUS.internal,
  FRAME_SIZE_ERROR: GRPC_STATUS.internal,
  REFUSED_STREAM: GRPC_STATUS.unavailable,
  CANCEL: GRPC_STATUS.cancelled,
  COMPRESSION_ERROR: GRPC_STATUS.internal,
  CONNECT_ERROR: GRPC_STATUS.internal,
  ENHANCE_YOUR_CALM: GRPC_STATUS.resourceExhausted,
  INADEQUATE_SECURITY: GRPC_STATUS.permissionDenied,
};

/** What the reset of a stream by its server means; `undefined` for a code that the protocol says nothing of. */
export function grpcStatusOfReset(code: ErrorName): number | undefined {
  return BY_RESET[code];
}

/** A message as it stands in `grpc-message`: UTF-8, with all but visible ASCII and spaces percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  return Buffer.from(message, 'utf8')
    .toString('latin1')
    .replace(/[^\x20-\x24\x26-\x7e]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
