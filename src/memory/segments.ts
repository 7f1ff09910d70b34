// Shared memory that grows by equal segments, addressed by slot number. The main thread hands slots out; workers open them.
import type { Clock } from '#lib/clock.ts';

/** What a worker needs to open the memory; can be sent in a message. */
export interface SegmentLayout {
  readonly segments: readonly SharedArrayBuffer[];
}

/** How long a released slot rests: exchanges of an old configuration may still write to it. */
const QUARANTINE_MS = 600_000;

/** Hands out slots by identity key: the same key keeps its slot, and so its contents, over reloads. Main thread only. */
export class SlotAllocator {
  readonly segments: SharedArrayBuffer[] = [];
  readonly slotsPerSegment: number;
  readonly #bytesPerSegment: number;
  readonly #clock: Clock;
  readonly #slots = new Map<string, number>();
  readonly #resting: { readonly slot: number; readonly since: number }[] = [];
  #next = 0;

  constructor(slotsPerSegment: number, bytesPerSegment: number, clock: Clock) {
    this.slotsPerSegment = slotsPerSegment;
    this.#bytesPerSegment = bytesPerSegment;
    this.#clock = clock;
  }

  get layout(): SegmentLayout {
    return { segments: [...this.segments] };
  }

  get keys(): IterableIterator<string> {
    return this.#slots.keys();
  }

  slotOf(key: string): number | undefined {
    return this.#slots.get(key);
  }

  /** The slot of `key`. `clean` is called when a slot changes hands, to empty it. */
  allocate(key: string, clean: (slot: number) => void): number {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#takeRested(clean) ?? this.#takeNew();
    this.#slots.set(key, slot);
    return slot;
  }

  /** Gives back the slots of all keys that are not in `keys`. */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, slot] of this.#slots) {
      if (keys.has(key)) continue;
      this.#slots.delete(key);
      this.#resting.push({ slot, since: this.#clock.now() });
    }
  }

  #takeRested(clean: (slot: number) => void): number | undefined {
    const oldest = this.#resting[0];
    if (!oldest || this.#clock.now() - oldest.since < QUARANTINE_MS) return undefined;
    this.#resting.shift();
    clean(oldest.slot);
    return oldest.slot;
  }

  #takeNew(): number {
    const slot = this.#next++;
    if (slot >= this.segments.length * this.slotsPerSegment)
      this.segments.push(new SharedArrayBuffer(this.#bytesPerSegment));
    return slot;
  }
}
