// SipHash-2-4 (Aumasson and Bernstein, 2012): a hash under a secret key. Who does not know the key cannot find two texts that collide,
// so it is for tables whose keys clients choose. Slower than `hash64`, which only scatters.

/** Two 32-bit halves, written by `sipHash`. */
export const sipHalves = new Int32Array(2);

/** The four words of state as pairs of halves, the low one first. */
const state = new Int32Array(8);
const INITIAL: readonly number[] = [
  0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462,
];

/** Hashes the UTF-16 units of `text`, each as two bytes with the low one first, into `sipHalves`. `key` is four Int32. */
export function sipHash(text: string, key: Int32Array): void {
  for (let i = 0; i < 8; i++) state[i] = (INITIAL[i] as number) ^ (key[i & 3] as number);
  const whole = text.length & ~3;
  for (let i = 0; i < whole; i += 4) compress(unitsAt(text, i), unitsAt(text, i + 2));
  // The last word holds what is left, and the length in bytes at its top.
  const rest = text.length - whole;
  const low = rest >= 2 ? unitsAt(text, whole) : rest === 1 ? text.charCodeAt(whole) : 0;
  const high = rest === 3 ? text.charCodeAt(whole + 2) : 0;
  compress(low, high | (text.length << 25));
  state[4] = (state[4] as number) ^ 0xff;
  for (let i = 0; i < 4; i++) round();
  sipHalves[0] = (state[0] as number) ^ (state[2] as number) ^ (state[4] as number) ^ (state[6] as number);
  sipHalves[1] = (state[1] as number) ^ (state[3] as number) ^ (state[5] as number) ^ (state[7] as number);
}

function unitsAt(text: string, at: number): number {
  return text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
}

function compress(low: number, high: number): void {
  state[6] = (state[6] as number) ^ low;
  state[7] = (state[7] as number) ^ high;
  round();
  round();
  state[0] = (state[0] as number) ^ low;
  state[1] = (state[1] as number) ^ high;
}

function round(): void {
  add(0, 2);
  rotateInto(2, 13, 0);
  swap(0);
  add(4, 6);
  rotateInto(6, 16, 4);
  add(0, 6);
  rotateInto(6, 21, 0);
  add(4, 2);
  rotateInto(2, 17, 4);
  swap(4);
}

/** Adds the word at `b` to that at `a`. */
function add(a: number, b: number): void {
  const low = (state[a] as number) + (state[b] as number);
  const carry = (state[a] as number) >>> 0 > 0xffffffff - ((state[b] as number) >>> 0) ? 1 : 0;
  state[a] = low;
  state[a + 1] = (state[a + 1] as number) + (state[b + 1] as number) + carry;
}

/** Turns the word at `a` left by less than 32 bits, and mixes that at `b` into it. */
function rotateInto(a: number, bits: number, b: number): void {
  const low = state[a] as number;
  const high = state[a + 1] as number;
  state[a] = ((low << bits) | (high >>> (32 - bits))) ^ (state[b] as number);
  state[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ (state[b + 1] as number);
}

/** Turns the word at `a` by 32 bits. */
function swap(a: number): void {
  const low = state[a] as number;
  state[a] = state[a + 1] as number;
  state[a + 1] = low;
}
