// Rendezvous hashing (Thaler and Ravishankar, 1998), weighted: every member draws a number for the key, and the best one has it.
// Shares are exact, a change moves only what it must, and nothing is built ahead; but a look-up asks all members.
import { hash64, hashHalves, mix } from './hash.ts';
import type { PreferenceTable, WeightedMember } from './preference-table.ts';

const SEED_LOW = 0x72656e64;
const SEED_HIGH = 0x657a0001;

export class RendezvousTable implements PreferenceTable {
  readonly #weights: Float64Array;
  readonly #lows: Int32Array;
  readonly #highs: Int32Array;

  constructor(members: readonly WeightedMember[]) {
    this.#weights = Float64Array.from(members, ({ weight }) => weight);
    this.#lows = new Int32Array(members.length);
    this.#highs = new Int32Array(members.length);
    for (const [i, { name }] of members.entries()) {
      hash64(name, SEED_LOW, SEED_HIGH);
      this.#lows[i] = hashHalves[0] as number;
      this.#highs[i] = hashHalves[1] as number;
    }
  }

  walk(low: number, high: number, accept: (member: number, step: number) => boolean): void {
    const { length } = this.#weights;
    const refused = new Set<number>();
    while (refused.size < length) {
      let best = -1;
      let bestDraw = Number.POSITIVE_INFINITY;
      for (let i = 0; i < length; i++) {
        const draw = refused.has(i) ? Number.POSITIVE_INFINITY : this.#draw(i, low, high);
        if (draw < bestDraw) {
          best = i;
          bestDraw = draw;
        }
      }
      if (best < 0 || accept(best, refused.size)) return;
      refused.add(best);
    }
  }

  /** The smaller the better: exponentially distributed with the weight as its rate, so that the least of all is fair. */
  #draw(member: number, low: number, high: number): number {
    const a = mix(low ^ (this.#lows[member] as number));
    const b = mix(high ^ (this.#highs[member] as number) ^ a);
    // 53 bits between 0 and 1, and never 0.
    const uniform = ((a >>> 5) * 67_108_864 + (b >>> 6) + 0.5) / 9_007_199_254_740_992;
    return -Math.log(uniform) / (this.#weights[member] as number);
  }
}
