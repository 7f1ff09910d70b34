// Chance from a seed, for the integrity test: what is drawn, and how long is paused.
import { type Random, seededRandom } from '#lib/random.ts';

export class Dice {
  readonly #random: Random;
  readonly #isSlow: boolean;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#isSlow = this.chance(0.3);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  /** Most often nothing, sometimes a turn of the loop; for the slow ones also some milliseconds, seldom more. */
  async pause(): Promise<void> {
    const chosen = this.#random();
    if (this.#isSlow && chosen > 0.995) await sleep(this.between(100, 300));
    else if (this.#isSlow && chosen > 0.9) await sleep(this.between(1, 15));
    else if (chosen > 0.7) await new Promise((resolve) => setImmediate(resolve));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
