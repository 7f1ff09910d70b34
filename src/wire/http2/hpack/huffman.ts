// The Huffman code of HPACK (RFC 7541 5.2 and Appendix B), to and from Latin-1 text.
//
// Hot path: decoding steps through a table of 256 states by 256 octets (256 KiB, made in 2 ms at the first use), each step
// giving up to two characters. It takes 2.6 ns an octet; a table by four bits, of 16 KiB, takes 4.3 ns.
import { readLatin1 } from './latin1.ts';

const SYMBOLS = 257;
const END_OF_STRING = 256;

/**
 * Bits of every symbol's code, by symbol: 256 octets and the end of the string. The code is canonical (RFC 7541 5.2), so
 * these say all: codes go up by length, and within a length by symbol.
 */
// biome-ignore format: sixteen symbols a line
const CODE_LENGTHS = new Uint8Array([
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]);

const CODES = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(SYMBOLS);
  const order = [...CODE_LENGTHS.keys()].sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    code *= 2 ** (lengthOf(symbol) - length);
    length = lengthOf(symbol);
    codes[symbol] = code++;
  }
  return codes;
}

function lengthOf(symbol: number): number {
  return CODE_LENGTHS[symbol] as number;
}

/** How many octets `text` takes when it is encoded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i) & 0xff] as number;
  return (bits + 7) >>> 3;
}

/** Encodes `text` into `target` at `at`; returns where it ends. There must be room for `huffmanLength(text)` octets. */
export function writeHuffman(text: string, target: Uint8Array, at: number): number {
  let end = at;
  // The last `bits` of it are still to be written; what is above them was.
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let length = CODE_LENGTHS[symbol] as number;
    if (length > 24) {
      // With up to seven bits pending it would not fit 32. Such a code begins with eight ones and more: they leave first.
      target[end++] = (pending << (8 - bits)) | (0xff >>> bits);
      pending = 0xff;
      length -= 8;
    }
    pending = (pending << length) | (CODES[symbol] as number);
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      target[end++] = pending >>> bits;
    }
  }
  // RFC 7541 5.2: the padding is "the most significant bits of the code corresponding to the EOS (end-of-string) symbol".
  if (bits > 0) target[end++] = (pending << (8 - bits)) | (0xff >>> bits);
  return end;
}

const ROOT = 0;
/** A step of the decoder: two characters, the one that comes first in the low octet; how many they are; the next state. */
const COUNT_SHIFT = 16;
const STATE_SHIFT = 18;
const INVALID = -1;

interface Machine {
  /** What an octet does in a state, by state * 256 + octet. */
  readonly steps: Int32Array;
  /** States that a string may end in: the bits since its last character are padding. */
  readonly final: Uint8Array;
}

let machine: Machine | undefined;

/** The characters of the longest string that is decoded without memory of its own. */
let decoded = Buffer.allocUnsafeSlow(4096);
/** Longest memory for characters that is kept. */
const MAX_KEPT = 65536;

/** Decodes the octets of a string from `from` to `to`; `undefined` for wrong padding and for an encoded EOS. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  machine ??= createMachine();
  const { steps, final } = machine;
  const target = roomFor((to - from) * 2);
  let state = ROOT;
  let length = 0;
  for (let at = from; at < to; at++) {
    const step = steps[(state << 8) | (bytes[at] as number)] as number;
    // RFC 7541 5.2: "A Huffman-encoded string literal containing the EOS symbol MUST be treated as a decoding error."
    if (step === INVALID) return undefined;
    target[length] = step;
    target[length + 1] = step >>> 8;
    length += (step >>> COUNT_SHIFT) & 3;
    state = step >>> STATE_SHIFT;
  }
  // RFC 7541 5.2: "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to
  // the most significant bits of the code for the EOS symbol MUST be treated as a decoding error."
  return final[state] === 1 ? readLatin1(target, 0, length) : undefined;
}

/** Memory for `size` characters: a code has five bits or more, so two an octet are always enough. */
function roomFor(size: number): Buffer {
  if (size <= decoded.length) return decoded;
  const room = Buffer.allocUnsafeSlow(size);
  if (size <= MAX_KEPT) decoded = room;
  return room;
}

/** The code as a tree: the node that a 0 or a 1 leads to from a node, or the complement of the symbol it ends. */
type Tree = readonly [zero: Int32Array, one: Int32Array];

function createMachine(): Machine {
  const tree = createTree();
  // A complete binary tree of 257 leaves.
  const states = SYMBOLS - 1;
  const steps = new Int32Array(states * 256);
  for (let state = 0; state < states; state++) {
    for (let octet = 0; octet < 256; octet++) steps[(state << 8) | octet] = stepFrom(tree, state, octet);
  }
  const final = new Uint8Array(states);
  let padded = ROOT;
  for (let padding = 0; padding <= 7; padding++) {
    final[padded] = 1;
    padded = tree[1][padded] as number;
  }
  return { steps, final };
}

function createTree(): Tree {
  const tree: Tree = [new Int32Array(SYMBOLS - 1), new Int32Array(SYMBOLS - 1)];
  let nodes = 1;
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const code = CODES[symbol] as number;
    let node = ROOT;
    for (let bit = lengthOf(symbol) - 1; bit > 0; bit--) {
      const branch = tree[((code >>> bit) & 1) as 0 | 1];
      // No branch leads back to the root, so 0 is one that is not there yet.
      if (branch[node] === 0) branch[node] = nodes++;
      node = branch[node] as number;
    }
    tree[(code & 1) as 0 | 1][node] = ~symbol;
  }
  return tree;
}

function stepFrom(tree: Tree, state: number, octet: number): number {
  let node = state;
  let count = 0;
  let characters = 0;
  for (let bit = 7; bit >= 0; bit--) {
    const next = tree[((octet >>> bit) & 1) as 0 | 1][node] as number;
    node = next;
    if (next >= 0) continue;
    if (~next === END_OF_STRING) return INVALID;
    characters |= ~next << (8 * count++);
    node = ROOT;
  }
  return (node << STATE_SHIFT) | (count << COUNT_SHIFT) | characters;
}
