// Takes a large preparation apart for its way to a worker, and puts it together there.
import type { Preparation, PreparationPart } from './messages.ts';
import type { Slots } from './shared-memory.ts';

/** Reading a message of so many routes or slots takes a worker about a millisecond. */
const PART_SIZE = 250;

/** Returns the parts to send ahead, and what is left of the preparation. */
export function takeApart(preparation: Preparation): {
  readonly parts: readonly PreparationPart[];
  readonly rest: Preparation;
} {
  const { config, memory } = preparation;
  const slots = [...memory.slots];
  const size = Math.max(config.routes.length, slots.length);
  if (size <= PART_SIZE) return { parts: [], rest: preparation };
  const parts: PreparationPart[] = [];
  for (let at = 0; at < size; at += PART_SIZE) {
    parts.push({ routes: config.routes.slice(at, at + PART_SIZE), slots: slots.slice(at, at + PART_SIZE) });
  }
  return {
    parts,
    rest: { ...preparation, config: { ...config, routes: [] }, memory: { ...memory, slots: new Map() } },
  };
}

/** The worker's side: gathers parts until their preparation comes. */
export class PartCollector {
  #routes: PreparationPart['routes'][number][] = [];
  #slots = new Map<string, Slots>();

  add({ routes, slots }: PreparationPart): void {
    this.#routes.push(...routes);
    for (const [key, value] of slots) this.#slots.set(key, value);
  }

  /** Returns the preparation with its parts, and is empty again. */
  complete(preparation: Preparation): Preparation {
    if (this.#slots.size === 0) return preparation;
    const { config, memory } = preparation;
    const whole = {
      ...preparation,
      config: { ...config, routes: this.#routes },
      memory: { ...memory, slots: this.#slots },
    };
    this.#routes = [];
    this.#slots = new Map();
    return whole;
  }
}
