// Remembers of streams that are no more what decides how late frames for them are met (RFC 9113 5.1): those that we have ended while
// the peer may not have known, and numbers that the peer has passed over. Bounded.

/** Of older ones it is not known any more who has ended them. */
const MAX_ENDED = 512;
const MAX_GAPS = 64;

export class ClosedStreams {
  readonly #ended = new Set<number>();
  /** Up to this one, it is not known. */
  #forgotten = 0;
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];

  /** We have ended the stream before the peer did. */
  addEnded(streamId: number): void {
    this.#ended.add(streamId);
    if (this.#ended.size <= MAX_ENDED) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, oldest);
      return;
    }
  }

  /**
   * Whether we may have ended the stream before the peer did. RFC 9113 5.1: "An endpoint can perform this minimal processing for all
   * streams that are in the "closed" state."
   */
  hasEnded(streamId: number): boolean {
    return streamId <= this.#forgotten || this.#ended.has(streamId);
  }

  /** The peer has opened `to` + 2 behind `from` - 2. */
  addGap(from: number, to: number): void {
    if (from <= to && this.#gaps.length < MAX_GAPS) this.#gaps.push({ from, to });
  }

  /** Whether the peer has passed the number over, so that it was never open. */
  wasPassedOver(streamId: number): boolean {
    return this.#gaps.some(({ from, to }) => streamId >= from && streamId <= to);
  }
}
