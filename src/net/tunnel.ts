// Joins two byte streams after a protocol upgrade: bytes pass both ways with back-pressure and half-close, until both ends
// are done or nothing has moved for too long.
import type { Deadlined, DeadlineEntry, Deadlines } from '#lib/deadlines.ts';
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';

/** How long the second stream may take to close once the first is gone. */
const CLOSING_MS = 5000;
/** How long a side may take to read what came ahead of an end that was not announced, before it is reset: a reset overtakes bytes. */
const CUT_MS = 1000;

export interface TunnelEnd {
  /** Bytes passed from the first stream to the second, and back. */
  readonly sent: number;
  readonly received: number;
  /** Who ended it: the side that closed first, or `idle`. */
  readonly endedBy: 'first' | 'second' | 'idle';
}

export interface TunnelOptions {
  readonly first: ByteStream;
  readonly second: ByteStream;
  readonly idleTimeoutMs: number;
  /** Whether what passes tells where it ends, as WebSockets do: then it does not matter how a stream ends. */
  readonly tellsItsEnd: boolean;
  /** Whether the first stream had ended before. */
  readonly firstHasEnded: boolean;
  readonly deadlines: Deadlines;
  /** Called with the bytes that have just passed from the first stream to the second, and back. */
  readonly passed?: (sent: number, received: number) => void;
  readonly done: (end: TunnelEnd) => void;
}

/** Starts to pass bytes. Both streams belong to the tunnel from here on. Returns how to end it early. */
export function joinStreams(options: TunnelOptions): () => void {
  return new JoinedStreams(options).stop;
}

class JoinedStreams implements Deadlined {
  deadline: DeadlineEntry | undefined = undefined;
  readonly #options: TunnelOptions;
  readonly #first: Side;
  readonly #second: Side;
  /** Whose bytes may not be all there were; the stream they went to is reset a while behind them. */
  #cutOff: Side | undefined = undefined;
  readonly #cut: Deadlined = { deadline: undefined, onDeadline: () => this.#resetLate() };
  #endedBy: TunnelEnd['endedBy'] | undefined = undefined;
  #open = 2;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#first = new Side(options.first, options.second, this, 'first');
    this.#second = new Side(options.second, options.first, this, 'second');
    this.moved();
    options.first.resume();
    options.second.resume();
    if (options.firstHasEnded) this.ended(this.#first, options.second);
  }

  readonly stop = (): void => {
    this.#options.first.abort();
    this.#options.second.abort();
  };

  moved(): void {
    const { deadlines, idleTimeoutMs } = this.#options;
    deadlines.set(this, this.#open < 2 ? Math.min(idleTimeoutMs, CLOSING_MS) : idleTimeoutMs);
  }

  /** `bytes` have come from one side. */
  passed(name: 'first' | 'second', bytes: number): void {
    const { passed } = this.#options;
    if (passed) passed(name === 'first' ? bytes : 0, name === 'first' ? 0 : bytes);
    this.moved();
  }

  endedBy(name: 'first' | 'second'): void {
    this.#endedBy ??= name;
  }

  /** One side sends no more. */
  ended(side: Side, other: ByteStream): void {
    if (!side.stream.endedUnannounced || this.#options.tellsItsEnd) {
      other.end();
      return;
    }
    // RFC 8446 6.1: without close_notify "the receiver cannot know that all the data that was sent has been received". What has come is
    // delivered, and the reset behind it does not claim to be all, as a plain FIN would.
    this.#cutOff = side;
    this.#options.deadlines.set(this.#cut, CUT_MS);
  }

  /** One side has ended for good. */
  closedOne(error: Error | undefined): void {
    if (--this.#open > 0) {
      const other = this.#first.gone ? this.#second : this.#first;
      // What was received before a clean close is still delivered; after an error nothing can be trusted to be whole.
      if (error) other.stream.reset();
      else if (!this.#cutOff || this.#cutOff === other) other.stream.end();
      this.moved();
      return;
    }
    this.#options.deadlines.clear(this);
    this.#options.deadlines.clear(this.#cut);
    this.#options.done({
      sent: this.#first.passed,
      received: this.#second.passed,
      endedBy: this.#endedBy ?? 'first',
    });
  }

  /** The side that `side` passes its bytes to. */
  opposite(side: Side): Side {
    return side === this.#first ? this.#second : this.#first;
  }

  onDeadline(): void {
    this.#endedBy ??= 'idle';
    this.stop();
  }

  #resetLate(): void {
    const side = this.#cutOff;
    if (!side) return;
    if (side.waits) {
      this.#options.deadlines.set(this.#cut, CUT_MS);
      return;
    }
    this.opposite(side).stream.reset();
    side.stream.abort();
  }
}

/** One direction: what `stream` receives goes to `other`. */
class Side implements StreamReceiver {
  readonly stream: ByteStream;
  passed = 0;
  gone = false;
  /** Whether bytes of it wait for the other stream to take them. */
  waits = false;
  readonly #other: ByteStream;
  readonly #joined: JoinedStreams;
  readonly #name: 'first' | 'second';

  constructor(stream: ByteStream, other: ByteStream, joined: JoinedStreams, name: 'first' | 'second') {
    this.stream = stream;
    this.#other = other;
    this.#joined = joined;
    this.#name = name;
    stream.relaying = true;
    stream.receiver = this;
  }

  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean {
    this.passed += length;
    this.#joined.passed(this.#name, length);
    const bytes = buffer.subarray(0, length);
    this.waits = !this.#other.write(mayKeep ? bytes : Buffer.from(bytes));
    return !this.waits;
  }

  /** What was written to this stream is with the kernel: the other may send more. */
  drained(): void {
    this.#joined.moved();
    this.#joined.opposite(this).waits = false;
    this.#other.resume();
  }

  ended(): void {
    this.#joined.endedBy(this.#name);
    this.#joined.ended(this, this.#other);
  }

  closed(error: Error | undefined): void {
    this.gone = true;
    this.#joined.endedBy(this.#name);
    this.#joined.closedOne(error);
  }
}
