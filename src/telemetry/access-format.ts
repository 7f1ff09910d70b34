// Access records as lines: JSON, the combined and common log formats, or a template of the user's.
//
// Hot path: JSON is put together by concatenation, and texts are searched for what needs escaping before they are escaped.
import type { AccessRecord, PassageRecord, TlsRecord, TunnelRecord } from './access-record.ts';

export type AccessFormat = (record: AccessRecord) => string;

const FORMATS: Readonly<Record<string, AccessFormat>> = {
  json: formatJson,
  combined: formatCombined,
  common: formatCommon,
};

/** The format of that name, or the template's. `fill` is told the names in braces and returns how to read them. */
export function compileAccessFormat(spec: string): AccessFormat {
  return FORMATS[spec] ?? compileTemplate(spec);
}

/** Names that a template may use, besides the members of the record. */
const READERS: Readonly<Record<string, (record: AccessRecord) => string>> = {
  'client.address': (r) => r.client,
  'request.id': (r) => r.id,
  'request.method': (r) => r.method,
  'request.authority': (r) => r.authority,
  'request.path': (r) => r.path,
  'request.query': (r) => r.query,
  'request.target': (r) => r.path + r.query,
  'response.status': (r) => String(r.status),
  'route.name': (r) => r.route,
  'upstream.name': (r) => r.upstream,
  'endpoint.name': (r) => r.endpoint,
  'listener.name': (r) => r.listener,
  consumer: (r) => r.consumer,
  time: (r) => isoTime(r.time),
  duration: (r) => r.durationMs.toFixed(3),
  'bytes.received': (r) => String(r.bytesReceived),
  'bytes.sent': (r) => String(r.bytesSent),
  attempts: (r) => String(r.attempts),
  'grpc.status': (r) => r.grpcStatus,
  phase: (r) => r.phase,
  'ended-by': (r) => r.endedBy,
  error: (r) => r.error,
  referer: (r) => r.referer,
  'user-agent': (r) => r.userAgent,
  'client.certificate.subject': (r) => r.tls?.client?.subject ?? '',
  'client.certificate.fingerprint': (r) => r.tls?.client?.fingerprint ?? '',
  'tls.version': (r) => r.tls?.version ?? '',
  'tls.cipher': (r) => r.tls?.cipher ?? '',
  'tls.sni': (r) => r.tls?.serverName ?? '',
  'tls.alpn': (r) => r.tls?.alpn ?? '',
  'passage.protocol': (r) => r.passage?.first?.protocol ?? '',
  'passage.sni': (r) => r.passage?.first?.sni ?? '',
  'passage.alpn': (r) => r.passage?.first?.alpn.join(',') ?? '',
  'passage.closed-by': (r) => r.passage?.closedBy ?? '',
  'passage.datagrams-received': (r) => String(r.passage?.datagramsReceived ?? ''),
  'passage.datagrams-sent': (r) => String(r.passage?.datagramsSent ?? ''),
  'tunnel.closed-by': (r) => r.tunnel?.closedBy ?? '',
  'websocket.close-code': (r) => String(r.tunnel?.messages?.closeCode ?? ''),
  'websocket.messages-received': (r) => String(r.tunnel?.messages?.messagesReceived ?? ''),
  'websocket.messages-sent': (r) => String(r.tunnel?.messages?.messagesSent ?? ''),
};

/** Names of the variables a template may hold. */
export const ACCESS_VARIABLES: readonly string[] = Object.keys(READERS);

/** What is wrong with a format, or `undefined`. */
export function accessFormatProblem(spec: string): string | undefined {
  if (FORMATS[spec]) return undefined;
  if (!spec.includes('${'))
    return `"${spec}" is neither json, combined nor common, nor a template with variables such as \${response.status}`;
  const unknown = [...spec.matchAll(/\$\{([^}]*)\}/g)]
    .map((match) => match[1] as string)
    .find((name) => !READERS[name]);
  return unknown === undefined
    ? undefined
    : `there is no variable \${${unknown}} for access records; there are ${ACCESS_VARIABLES.join(', ')}`;
}

function compileTemplate(spec: string): AccessFormat {
  const parts = spec.split(/\$\{([^}]*)\}/).map((part, i) => (i % 2 === 0 ? part : READERS[part]));
  return (record) =>
    `${parts.map((part) => (typeof part === 'function' ? escapeText(part(record)) : (part ?? ''))).join('')}\n`;
}

function formatJson(r: AccessRecord): string {
  let line = `${jsonTime(r.time)}${r.client}","listener":${quoteName(r.listener)},"method":"${r.method}","host":"${r.authority}","path":"${escapeJson(
    r.path,
  )}${escapeJson(r.query)}","version":"${r.version}","status":${r.status},"bytes_received":${r.bytesReceived},"bytes_sent":${
    r.bytesSent
  },"duration_ms":${thousandths(r.durationMs)}`;
  if (r.firstByteMs >= 0) line += `,"first_byte_ms":${thousandths(r.firstByteMs)}`;
  if (r.id !== '') line += `,"id":"${escapeJson(r.id)}"`;
  if (r.route !== '') line += `,"route":${quoteName(r.route)}`;
  if (r.upstream !== '')
    line += `,"upstream":${quoteName(r.upstream)},"endpoint":${quoteName(r.endpoint)},"attempts":${r.attempts}`;
  if (r.grpcStatus !== '') line += `,"grpc_status":"${r.grpcStatus}"`;
  if (r.policy !== '') line += `,"policy":${quoteName(r.policy)}`;
  if (r.consumer !== '') line += `,"consumer":"${escapeJson(r.consumer)}"`;
  if (r.endedBy !== '')
    line += `,"ended_by":"${r.endedBy}","phase":"${r.phase}","error":"${r.error}","reason":"${escapeJson(r.reason)}"`;
  if (r.referer !== '') line += `,"referer":"${escapeJson(r.referer)}"`;
  if (r.userAgent !== '') line += `,"user_agent":"${escapeJson(r.userAgent)}"`;
  if (r.tls) line += tlsText(r.tls);
  if (r.passage) line += formatPassage(r.passage, r.tls !== undefined);
  if (r.tunnel) line += formatTunnel(r.tunnel);
  return `${line}}\n`;
}

/** What is said of the TLS of a connection, which has one record and many exchanges. */
const tlsTexts = new WeakMap<TlsRecord, string>();

function tlsText(tls: TlsRecord): string {
  let text = tlsTexts.get(tls);
  if (text === undefined) {
    text = formatTls(tls);
    tlsTexts.set(tls, text);
  }
  return text;
}

function formatTls({ version, cipher, serverName, alpn, resumed, client }: TlsRecord): string {
  let text = `,"tls_version":"${version}","tls_cipher":"${cipher}"`;
  if (resumed) text += ',"tls_resumed":true';
  if (serverName !== '') text += `,"sni":"${escapeJson(serverName)}"`;
  if (alpn !== '') text += `,"alpn":"${escapeJson(alpn)}"`;
  if (client) text += `,"client_subject":"${escapeJson(client.subject)}","client_fingerprint":"${client.fingerprint}"`;
  return text;
}

/** What the handshake has agreed on stands over what the client has asked for. */
function formatPassage(passage: PassageRecord, hasTls: boolean): string {
  const { first, closedBy, datagramsReceived, datagramsSent } = passage;
  let text = '';
  if (first) text += `,"protocol":"${first.protocol}"`;
  if (first && first.sni !== '' && !hasTls) text += `,"sni":"${escapeJson(first.sni)}"`;
  if (first && first.alpn.length > 0 && !hasTls) text += `,"alpn":"${escapeJson(first.alpn.join(','))}"`;
  if (datagramsReceived >= 0) text += `,"datagrams_received":${datagramsReceived},"datagrams_sent":${datagramsSent}`;
  if (closedBy !== '') text += `,"closed_by":"${closedBy}"`;
  return text;
}

function formatTunnel({ closedBy, messages }: TunnelRecord): string {
  const text = messages
    ? `,"messages_received":${messages.messagesReceived},"messages_sent":${messages.messagesSent},"close_code":${messages.closeCode}`
    : '';
  return closedBy === '' ? text : `${text},"closed_by":"${closedBy}"`;
}

const FRACTIONS: readonly string[] = Array.from({ length: 1000 }, (_, i) => `.${String(i).padStart(3, '0')}`);

/** Milliseconds with their microseconds; much faster than `toFixed`. */
function thousandths(ms: number): string {
  const microseconds = Math.round(ms * 1000);
  const rest = microseconds % 1000;
  return (microseconds - rest) / 1000 + (FRACTIONS[rest] as string);
}

/** Names of the configuration as JSON strings: they are few, and come with every record. */
const quotedNames = new Map<string, string>();
const MAX_QUOTED_NAMES = 10_000;

function quoteName(name: string): string {
  let quoted = quotedNames.get(name);
  if (quoted === undefined) {
    if (quotedNames.size >= MAX_QUOTED_NAMES) quotedNames.clear();
    quoted = `"${escapeJson(name)}"`;
    quotedNames.set(name, quoted);
  }
  return quoted;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is looked for
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f-\uffff]/;

/** What stands inside a JSON string. Bytes over 0x7f, which may be no UTF-8 at all, are written as escapes. */
function escapeJson(text: string): string {
  if (text === '' || !NEEDS_ESCAPE.test(text)) return text;
  const escaped = JSON.stringify(text).slice(1, -1);
  return escaped.replace(/[\x7f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function formatCommon(r: AccessRecord): string {
  const user = r.consumer === '' ? '-' : escapeText(r.consumer);
  const request = escapeText(r.method === '' ? '-' : `${r.method} ${r.path}${r.query} HTTP/${r.version}`);
  return `${r.client || '-'} - ${user} [${clfTime(r.time)}] "${request}" ${r.status} ${r.bytesSent}\n`;
}

function formatCombined(r: AccessRecord): string {
  return `${formatCommon(r).slice(0, -1)} "${escapeText(r.referer) || '-'}" "${escapeText(r.userAgent) || '-'}"\n`;
}

/** Quotes, backslashes and control characters as `\xHH`, so that no value can end its place or its line. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is escaped
  return text.replace(/["\\\x00-\x1f\x7f-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

let lastIsoMs = -1;
let lastIso = '';

/** RFC 3339 with milliseconds; records of one millisecond share the text. */
function isoTime(ms: number): string {
  if (ms !== lastIsoMs) {
    lastIso = new Date(ms).toISOString();
    lastIsoMs = ms;
  }
  return lastIso;
}

let lastJsonMs = -1;
let lastJson = '';

/** What a record begins with, up to the client; shared as `isoTime` is. */
function jsonTime(ms: number): string {
  if (ms !== lastJsonMs) {
    lastJson = `{"time":"${isoTime(ms)}","client":"`;
    lastJsonMs = ms;
  }
  return lastJson;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `24/Nov/2026:04:18:00 +0000` */
function clfTime(ms: number): string {
  const iso = isoTime(ms);
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
