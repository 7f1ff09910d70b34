// The elements of DER (X.690 section 8.1): to get at the very bytes that something was signed over, and to write what libraries do not.

export interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The elements within the one that `bytes` begins with. Throws a `RangeError` when they are not whole. */
export function childrenOf(bytes: Uint8Array): readonly Element[] {
  const { content } = elementAt(bytes, 0);
  const children: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const child = elementAt(content, at);
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

function elementAt(bytes: Uint8Array, start: number): Element {
  const [tag, first] = [byteAt(bytes, start), byteAt(bytes, start + 1)];
  let length = first;
  let at = start + 2;
  if (first >= 0x80) {
    const size = first & 0x7f;
    // DER has no indefinite length, and nothing here is longer than four octets can tell.
    if (size === 0 || size > 4) throw new RangeError('not DER');
    length = 0;
    for (const end = at + size; at < end; at++) length = length * 256 + byteAt(bytes, at);
  }
  if (at + length > bytes.length) throw new RangeError('DER that is not whole');
  return { tag, whole: bytes.subarray(start, at + length), content: bytes.subarray(at, at + length) };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('DER that is not whole');
  return byte;
}

/** One element of a tag and what is in it, up to 64 KiB. */
export function encodeElement(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(content);
  const { length } = bytes;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
}
