// The numbers of HTTP/2 (RFC 9113 6, 7 and 6.5.2; RFC 8441, RFC 9218): frame types, flags, error codes, settings.

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  PRIORITY_UPDATE: 16,
} as const;

export const FLAG = {
  /** Of SETTINGS and PING. */
  ACK: 1,
  END_STREAM: 1,
  END_HEADERS: 4,
  PADDED: 8,
  PRIORITY: 32,
} as const;

/** RFC 9113 7. */
export const ERROR_CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

export type ErrorName = keyof typeof ERROR_CODE;

export const ERROR_NAMES = Object.keys(ERROR_CODE) as readonly ErrorName[];

/** RFC 9113 7: unknown codes "MUST NOT trigger any special behavior" and "MAY be treated as being equivalent to INTERNAL_ERROR". */
export function errorName(code: number): ErrorName {
  return ERROR_NAMES[code] ?? 'INTERNAL_ERROR';
}

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  /** RFC 8441 3. */
  ENABLE_CONNECT_PROTOCOL: 8,
  /** RFC 9218 2.1. */
  NO_RFC7540_PRIORITIES: 9,
} as const;

/** What a client sends first (RFC 9113 3.4), Latin-1. */
export const CLIENT_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export const FRAME_HEAD_BYTES = 9;
export const MAX_WINDOW = 0x7fffffff;
export const MAX_STREAM_ID = 0x7fffffff;
/** Before any SETTINGS (RFC 9113 6.9.2). */
export const DEFAULT_WINDOW = 65535;
/** The most that we take in one frame; the least that every peer must allow (RFC 9113 4.2). */
export const MAX_FRAME_BYTES = 16384;

/** Of every PING of ours. */
export const PING_PAYLOAD = Buffer.from('tidegate', 'latin1');
