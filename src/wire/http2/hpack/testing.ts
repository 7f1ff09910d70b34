// For tests of header blocks: decode one to its fields, encode fields to one, look into a decoder's table from outside.
import { type HpackDecoder, HpackError } from './decoder.ts';
import type { HpackEncoder } from './encoder.ts';
import type { HeaderField } from './field.ts';

export type NameAndValue = readonly [name: string, value: string];

/** Bytes from hexadecimal digits, with white space between them as one likes. */
export function fromHex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ''), 'hex');
}

/** The fields of a block. */
export function decodeFields(decoder: HpackDecoder, block: Uint8Array, maxListBytes = 1e9): HeaderField[] {
  const fields: HeaderField[] = [];
  decoder.decode(block, 0, block.length, (field) => fields.push(field), maxListBytes);
  return fields;
}

/** The names and values of a block. */
export function decodePairs(decoder: HpackDecoder, block: Uint8Array): NameAndValue[] {
  return decodeFields(decoder, block).map(({ name, value }) => [name, value]);
}

/** A block of these fields, in memory of its own. */
export function encodePairs(encoder: HpackEncoder, fields: readonly NameAndValue[]): Buffer {
  encoder.begin();
  for (const [name, value] of fields) encoder.field(name, value);
  return Buffer.from(encoder.end());
}

/** The entries of the dynamic table, the newest one first: all that references get. The decoder can be used after it. */
export function dynamicEntries(decoder: HpackDecoder): HeaderField[] {
  const entries: HeaderField[] = [];
  for (let index = 62; ; index++) {
    try {
      entries.push(...decodeFields(decoder, indexedField(index)));
    } catch (error) {
      if (error instanceof HpackError) return entries;
      throw error;
    }
  }
}

/** A block of one reference. */
export function indexedField(index: number): Buffer {
  return Buffer.from(index < 127 ? [0x80 | index] : [0xff, ...integerRest(index - 127)]);
}

/** The octets of an integer that follow a full prefix. */
export function integerRest(value: number): number[] {
  return value < 128 ? [value] : [128 | (value % 128), ...integerRest(Math.floor(value / 128))];
}
