// A fast seeded hash of strings for tables in memory. Not for secrets.

/** Two 32-bit halves, written by `hash64`. */
export const hashHalves = new Int32Array(2);

/** Hashes `text` into `hashHalves`: two multiply-xorshift lanes over UTF-16 units, finished like MurmurHash3. */
export function hash64(text: string, seedLow: number, seedHigh: number): void {
  let low = seedLow | 0;
  let high = seedHigh | 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 0x9e3779b1);
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ code, 0x85ebca77);
    high = (high << 17) | (high >>> 15);
  }
  hashHalves[0] = mix(low ^ text.length ^ (high >>> 3));
  hashHalves[1] = mix(high ^ Math.imul(low, 0xc2b2ae3d));
}

/** The finisher of MurmurHash3: every bit of the value bears on every bit of the result. */
export function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
