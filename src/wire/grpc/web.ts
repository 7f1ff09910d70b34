// What gRPC-Web has other than gRPC: its media types, trailers as the last message of the content, and content as base64.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { frameMessage } from './messages.ts';

/** How content is written: as gRPC does, or as gRPC-Web does, in bytes or in base64. */
export type GrpcFormat = 'grpc' | 'web' | 'web-text';

const MEDIA_TYPE = /^application\/grpc(-web(-text)?)?(\+[0-9a-z.+_-]+)?[ \t]*(?:;|$)/i;

export interface GrpcMediaType {
  readonly format: GrpcFormat;
  /** How messages are encoded, such as `+proto`; '' when that is not told. */
  readonly encoding: string;
}

/** `undefined` for all that is not gRPC. Parameters are passed over. */
export function parseGrpcMediaType(contentType: string): GrpcMediaType | undefined {
  const match = MEDIA_TYPE.exec(contentType);
  if (!match) return undefined;
  const format = match[2] ? 'web-text' : match[1] ? 'web' : 'grpc';
  return { format, encoding: (match[3] ?? '').toLowerCase() };
}

const NAMES: Readonly<Record<GrpcFormat, string>> = {
  grpc: 'application/grpc',
  web: 'application/grpc-web',
  'web-text': 'application/grpc-web-text',
};

export function formatGrpcMediaType({ format, encoding }: GrpcMediaType): string {
  return NAMES[format] + encoding;
}

/** Of the flag in front of a message: it holds trailers. */
const TRAILERS_FLAG = 0x80;

/** The message that ends the content, from field lines. Names are in lower case, whatever HTTP/1.1 made of them. */
export function encodeWebTrailers(lines: string): Buffer {
  const lower = lines.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase());
  return frameMessage(TRAILERS_FLAG, Buffer.from(lower, 'latin1'));
}

const PADDING = 61;
const INVALID = 255;

/** By character: its six bits, or INVALID. */
const SIX_BITS = new Uint8Array(256).fill(INVALID);
for (const [bits, c] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  SIX_BITS[c.charCodeAt(0)] = bits;

/**
 * Decodes base64 (RFC 4648 4) that comes in parts. Whoever wrote it may have padded wherever it had bytes to send, so that padding
 * may stand between any two groups of four.
 */
export class Base64Decoder {
  #bits = 0;
  /** Characters of the present group, padding included. */
  #characters = 0;
  #padding = 0;

  /** Whether all that has come is whole. */
  get isWhole(): boolean {
    return this.#characters === 0;
  }

  /** The bytes that are whole now, in memory of their own; `undefined` for what is not base64. */
  decode(text: Uint8Array): Buffer | undefined {
    const bytes = Buffer.allocUnsafe(Math.floor((this.#characters + text.length) / 4) * 3);
    let length = 0;
    for (const code of text) {
      if (code === PADDING) this.#padding++;
      else if (this.#padding > 0) return undefined;
      const bits = code === PADDING ? 0 : (SIX_BITS[code] as number);
      if (bits === INVALID || this.#padding > 2) return undefined;
      this.#bits = (this.#bits << 6) | bits;
      if (++this.#characters < 4) continue;
      bytes.writeUIntBE(this.#bits, length, 3);
      length += 3 - this.#padding;
      this.#bits = 0;
      this.#characters = 0;
      this.#padding = 0;
    }
    return bytes.subarray(0, length);
  }
}
