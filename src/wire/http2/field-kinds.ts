// Sorts the fields of HTTP/2 messages: which are pseudo-fields, which may not be there at all, which a gateway reads. Asked once for
// each entry of a table and not once a message.
import { TOKEN, VALUE } from '#wire/http1/field-section.ts';

export const KIND = {
  ORDINARY: 0,
  /** A name or value that RFC 9113 8.2.1 forbids, or that no HTTP/1.1 could carry. */
  INVALID: 1,
  /** RFC 9113 8.2.2: an endpoint "MUST NOT generate" it. */
  CONNECTION_SPECIFIC: 2,
  // Pseudo-fields.
  METHOD: 3,
  SCHEME: 4,
  AUTHORITY: 5,
  PATH: 6,
  PROTOCOL: 7,
  STATUS: 8,
  UNKNOWN_PSEUDO: 9,
  // What frames the message or concerns one hop.
  HOST: 10,
  CONTENT_LENGTH: 11,
  COOKIE: 12,
  TE: 13,
  // What is noted and stays among the others.
  EXPECT: 14,
  REFERER: 15,
  USER_AGENT: 16,
  NOTABLE: 17,
  DATE: 18,
  PRIORITY: 19,
  CONTENT_TYPE: 20,
} as const;

/** Kinds from the first to the last of these are pseudo-fields. */
export const FIRST_PSEUDO = KIND.METHOD;
export const LAST_PSEUDO = KIND.UNKNOWN_PSEUDO;

const KINDS: ReadonlyMap<string, number> = new Map([
  [':method', KIND.METHOD],
  [':scheme', KIND.SCHEME],
  [':authority', KIND.AUTHORITY],
  [':path', KIND.PATH],
  [':protocol', KIND.PROTOCOL],
  [':status', KIND.STATUS],
  // RFC 9113 8.2.2: these, and TE other than `trailers`.
  ['connection', KIND.CONNECTION_SPECIFIC],
  ['keep-alive', KIND.CONNECTION_SPECIFIC],
  ['proxy-connection', KIND.CONNECTION_SPECIFIC],
  ['transfer-encoding', KIND.CONNECTION_SPECIFIC],
  ['upgrade', KIND.CONNECTION_SPECIFIC],
  ['host', KIND.HOST],
  ['content-length', KIND.CONTENT_LENGTH],
  ['cookie', KIND.COOKIE],
  ['te', KIND.TE],
  ['expect', KIND.EXPECT],
  ['referer', KIND.REFERER],
  ['user-agent', KIND.USER_AGENT],
  ['forwarded', KIND.NOTABLE],
  ['max-forwards', KIND.NOTABLE],
  ['proxy', KIND.NOTABLE],
  ['via', KIND.NOTABLE],
  ['x-real-ip', KIND.NOTABLE],
  ['date', KIND.DATE],
  ['priority', KIND.PRIORITY],
  ['content-type', KIND.CONTENT_TYPE],
]);

/** The kind of a field, which is one of `KIND`. */
export function classify(name: string, value: string): number {
  if (!isValue(value)) return KIND.INVALID;
  const known = KINDS.get(name);
  if (known !== undefined) return known;
  if (name.charCodeAt(0) === COLON) return KIND.UNKNOWN_PSEUDO;
  if (!isName(name)) return KIND.INVALID;
  return name.includes('_') || name.startsWith('x-forwarded-') || name.startsWith('client-cert')
    ? KIND.NOTABLE
    : KIND.ORDINARY;
}

const COLON = 58;

/**
 * RFC 9113 8.2.1: "A field name MUST NOT contain characters in the ranges 0x00-0x20, 0x41-0x5a, or 0x7f-0xff"; what is no token
 * (RFC 9110 5.1) is refused too.
 */
function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (TOKEN[code] !== 1 || (code >= 65 && code <= 90)) return false;
  }
  return name !== '';
}

/**
 * RFC 9113 8.2.1: "A field value MUST NOT contain the zero value (ASCII NUL, 0x00), line feed (ASCII LF, 0x0a), or carriage return
 * (ASCII CR, 0x0d) at any position" and "MUST NOT start or end with an ASCII whitespace character"; RFC 9110 5.5 forbids other
 * control characters.
 */
function isValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  for (let i = 0; i < length; i++) if (VALUE[value.charCodeAt(i)] !== 1) return false;
  return !isWhiteSpace(value.charCodeAt(0)) && !isWhiteSpace(value.charCodeAt(length - 1));
}

function isWhiteSpace(code: number): boolean {
  return code === 32 || code === 9;
}
