// Shared memory that grows by equal segments, addressed by slot number. The main thread hands slots out; workers open them.
import type { Clock } from '#lib/clock.ts';

/** What a worker needs to open the memory; can be sent in a message. */
export interface SegmentLayout {
  readonly segments: readonly SharedArrayBuffer[];
}

/** How long a released slot rests: exchanges of an old configuration may still write to it. */
const QUARANTINE_MS = 600_000;

/** What is in slots, as far as their allocator must know. */
export interface SlotContents {
  isQuiet(slot: number): boolean;
  clean(slot: number): void;
}

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

  /** How many slots have been handed out so far, resting ones included: they are numbered from 0. */
  get handedOut(): number {
    return this.#next;
  }

  /** The slot of `key`. A slot changes hands when `isQuiet` says that nothing is counted as present in it, and is emptied first. */
  allocate(key: string, { isQuiet, clean }: SlotContents): number {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#takeRested(isQuiet) ?? this.#takeNew();
    clean(slot);
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

  #takeRested(isQuiet: (slot: number) => boolean): number | undefined {
    const now = this.#clock.now();
    // A tunnel to an endpoint that was removed may go on for days.
    const at = this.#resting.findIndex(({ slot, since }) => now - since >= QUARANTINE_MS && isQuiet(slot));
    return at < 0 ? undefined : this.#resting.splice(at, 1)[0]?.slot;
  }

  #takeNew(): number {
    const slot = this.#next++;
    if (slot >= this.segments.length * this.slotsPerSegment)
      this.segments.push(new SharedArrayBuffer(this.#bytesPerSegment));
    return slot;
  }
}
