// The two messages of grpc.health.v1.Health/Check as they go over the wire: protobuf behind gRPC's length prefix.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md
import { frameMessage, PREFIX_BYTES } from './messages.ts';

export const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check';

const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

export type ServingStatus = (typeof SERVING_STATUSES)[number];

// Protobuf's wire types.
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** HealthCheckRequest { string service = 1; }: an empty name, which asks for the whole server, is left out. */
export function encodeHealthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message =
    name.length === 0
      ? Buffer.alloc(0)
      : Buffer.concat([Buffer.from([(1 << 3) | LENGTH_DELIMITED, ...varint(name.length)]), name]);
  return frameMessage(0, message);
}

/**
 * HealthCheckResponse { ServingStatus status = 1; }. `undefined` when the bytes are not exactly one such message, or are compressed,
 * which nobody has asked for. Fields that are not known are passed over; of several values the last counts.
 */
export function decodeHealthCheckResponse(bytes: Uint8Array): ServingStatus | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < PREFIX_BYTES || buffer[0] !== 0 || buffer.readUInt32BE(1) !== buffer.length - PREFIX_BYTES)
    return undefined;
  let status = 0;
  let at = PREFIX_BYTES;
  while (at < buffer.length) {
    const tag = readVarint(buffer, at);
    if (!tag) return undefined;
    const value = readValue(buffer, tag.end, tag.value & 7);
    if (!value) return undefined;
    if (tag.value === ((1 << 3) | VARINT)) status = value.value;
    at = value.end;
  }
  return SERVING_STATUSES[status];
}

interface Read {
  readonly value: number;
  /** Where the next one begins. */
  readonly end: number;
}

/** Reads a value of a wire type; what is no varint has the value 0. */
function readValue(buffer: Buffer, at: number, wireType: number): Read | undefined {
  if (wireType === VARINT) return readVarint(buffer, at);
  const length = wireType === LENGTH_DELIMITED ? readVarint(buffer, at) : fixed(wireType, at);
  if (!length || length.end + length.value > buffer.length) return undefined;
  return { value: 0, end: length.end + length.value };
}

function fixed(wireType: number, at: number): Read | undefined {
  if (wireType === FIXED64) return { value: 8, end: at };
  return wireType === FIXED32 ? { value: 4, end: at } : undefined;
}

/** At most ten bytes; what exceeds 2^53 loses its last digits, which no value that is looked at here does. */
function readVarint(buffer: Buffer, at: number): Read | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = buffer[at + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
