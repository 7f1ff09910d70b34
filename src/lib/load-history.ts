// How much there was to do in each of the last seconds, and how many workplaces that asks for. Pure.

/** One number a second, as many of them as a window has; older ones are forgotten. */
export class LoadHistory {
  readonly #loads: Float64Array;
  #count = 0;

  constructor(seconds: number) {
    this.#loads = new Float64Array(seconds);
  }

  get seconds(): number {
    return this.#loads.length;
  }

  /** Whether it goes back over the whole window. */
  get isFull(): boolean {
    return this.#count >= this.#loads.length;
  }

  add(load: number): void {
    this.#loads[this.#count % this.#loads.length] = load;
    this.#count++;
  }

  /** The average of the last `seconds`, or of what there is of them; 0 when there is nothing. */
  average(seconds: number): number {
    const known = Math.min(seconds, this.#count, this.#loads.length);
    if (known === 0) return 0;
    let sum = 0;
    for (let i = 1; i <= known; i++) sum += this.#loads[(this.#count - i) % this.#loads.length] as number;
    return sum / known;
  }
}

export interface ScalingTarget {
  /** Load that one should carry. */
  readonly each: number;
  readonly min: number;
  readonly max: number;
}

/** The part of the window that tells what is going on now. */
const RECENT = 0.1;

/**
 * How many it takes: for the average over the whole window, or over its last tenth where that is more. So it grows soon after the load
 * does, and shrinks only when that was less for the whole window.
 */
export function desiredCount(history: LoadHistory, { each, min, max }: ScalingTarget): number {
  const recent = history.average(Math.ceil(history.seconds * RECENT));
  const load = Math.max(recent, history.average(history.seconds));
  return Math.min(max, Math.max(min, Math.ceil(load / each)));
}
