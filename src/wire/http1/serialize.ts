// Writes HTTP/1.1 heads (RFC 9112 3, 4). The only place where framing and connection fields are written.

/** What the head says about the content: a number of octets, chunks, or nothing at all. */
export type ContentFraming = number | 'chunked' | 'none';

/** Serialises a request head in origin-form, Host first (RFC 9110 7.2). `fieldLines` are valid lines, each with CRLF. */
export function serializeRequestHead(
  method: string,
  target: string,
  authority: string,
  fieldLines: string,
  framing: ContentFraming,
  connection: string,
): string {
  return `${method} ${target} HTTP/1.1\r\nhost: ${authority}\r\n${fieldLines}${framingLine(framing)}${connection}\r\n`;
}

/** Serialises a response head; `reason` may be empty. */
export function serializeResponseHead(
  status: number,
  reason: string,
  fieldLines: string,
  framing: ContentFraming,
  connection: string,
): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLines}${framingLine(framing)}${connection}\r\n`;
}

function framingLine(framing: ContentFraming): string {
  if (framing === 'none') return '';
  return framing === 'chunked' ? 'transfer-encoding: chunked\r\n' : `content-length: ${framing}\r\n`;
}

/** The line before a chunk of `size` octets (RFC 9112 7.1). */
export function chunkHead(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/** What ends chunked content; `trailerLines` may be empty. */
export function lastChunk(trailerLines: string): string {
  return `0\r\n${trailerLines}\r\n`;
}
