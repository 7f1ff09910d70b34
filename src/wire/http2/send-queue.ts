// Decides which stream may send content when: both windows (RFC 9113 5.2), the peer's pace, and priorities (RFC 9218 10). What may be
// sent at once is sent at once; what must wait stands here, at most one chunk a stream.
import type { FrameWriter } from './frame-writer.ts';
import type { Priority } from './priority.ts';
import { DEFAULT_WINDOW, FLAG } from './protocol.ts';
import type { Http2Stream } from './stream.ts';

const EMPTY = new Uint8Array(0);
const URGENCIES = 8;
const SMALL_FRAME_BYTES = 128;

export class SendQueue {
  /** Octets that the peer lets us send on the whole connection. */
  window = DEFAULT_WINDOW;
  /** DATA frames sent so far, but for small ones that a window has made so: for those a peer has nothing to thank. */
  frames = 0;
  /** Octets of content sent so far. */
  octets = 0;
  /** Whether the peer gives no more room: what has no window now never gets one. */
  isFinal = false;
  readonly #writer: FrameWriter;
  readonly #sendTrailers: (stream: Http2Stream, lines: string) => void;
  /** Streams that could send if connection and peer let them, by urgency; made when needed. */
  #lines: Http2Stream[][] | undefined = undefined;
  #queued = 0;
  #isPumping = false;

  constructor(writer: FrameWriter, sendTrailers: (stream: Http2Stream, lines: string) => void) {
    this.#writer = writer;
    this.#sendTrailers = sendTrailers;
  }

  /** See `Http2Stream.send`. */
  send(stream: Http2Stream, bytes: Uint8Array): boolean {
    let at = 0;
    if (this.#queued === 0) at = this.#sendSome(stream, bytes, 0, bytes.length);
    if (at === bytes.length) return true;
    stream.pending = bytes;
    stream.pendingAt = at;
    this.enqueue(stream);
    if (this.isFinal) this.#writer.wake();
    return false;
  }

  /** Whether what waits on the stream can never leave. */
  isStuck({ pending, sendWindow }: Http2Stream): boolean {
    return this.isFinal && pending !== undefined && (sendWindow <= 0 || this.window <= 0);
  }

  /** Sends Latin-1 text as the whole content of a stream, if it may leave at once and fits into a frame; else returns false. */
  sendWhole(stream: Http2Stream, text: string, flags: number = FLAG.END_STREAM): boolean {
    const { length } = text;
    if (this.#queued > 0 || this.#writer.blocked) return false;
    if (length > this.#writer.maxFrameBytes || length > this.window || length > stream.sendWindow) return false;
    this.window -= length;
    stream.sendWindow -= length;
    this.octets += length;
    this.frames++;
    this.#writer.dataText(stream.id, text, flags);
    return true;
  }

  /** Writes END_STREAM: on the last frame of the stream if that has not left yet, else with an empty one. */
  end(stream: Http2Stream): void {
    if (stream.lastData && this.#writer.setFlags(stream.lastData, FLAG.END_STREAM)) return;
    this.#writer.data(stream.id, EMPTY, 0, 0);
    this.#writer.setFlags(this.#writer.place(0), FLAG.END_STREAM);
  }

  /** The stream has something to send, and a window that may let it. */
  enqueue(stream: Http2Stream): void {
    if (stream.queued || !stream.pending || stream.sendWindow <= 0) return;
    this.#lines ??= Array.from({ length: URGENCIES }, () => []);
    stream.queued = true;
    this.#queued++;
    const line = this.#lines[stream.urgency] as Http2Stream[];
    // RFC 9218 10: those that are not incremental are sent one by one, in the order of their streams.
    const behind = stream.incremental ? -1 : line.findIndex(({ incremental, id }) => !incremental && id > stream.id);
    if (behind < 0) line.push(stream);
    else line.splice(behind, 0, stream);
  }

  /** The stream is gone. */
  remove(stream: Http2Stream): void {
    stream.pending = undefined;
    if (!stream.queued) return;
    stream.queued = false;
    this.#queued--;
    const line = this.#lines?.find((streams) => streams.includes(stream));
    line?.splice(line.indexOf(stream), 1);
  }

  /** The client has changed its mind about a stream. */
  reprioritize(stream: Http2Stream, { urgency, incremental }: Priority): void {
    const { pending } = stream;
    const wasQueued = stream.queued;
    if (wasQueued) this.remove(stream);
    stream.urgency = urgency;
    stream.incremental = incremental;
    stream.pending = pending;
    if (wasQueued) this.enqueue(stream);
  }

  /** Sends of what waits as much as may be sent. */
  pump(): void {
    // Owners who are told that their content has left send more, from within.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#queued > 0 && this.window > 0 && !this.#writer.blocked) this.#serveNext();
    } finally {
      this.#isPumping = false;
    }
  }

  /** RFC 9218 10: by urgency; those that take turns get a frame each, the others all they have. */
  #serveNext(): void {
    const line = this.#lines?.find((streams) => streams.length > 0) as Http2Stream[];
    const stream = line[0] as Http2Stream;
    const bytes = stream.pending as Uint8Array;
    const most = Math.min(bytes.length, stream.pendingAt + this.#writer.maxFrameBytes);
    stream.pendingAt = this.#sendSome(stream, bytes, stream.pendingAt, most);
    if (stream.pendingAt === bytes.length) {
      line.shift();
      this.#leave(stream);
    } else if (stream.sendWindow <= 0) {
      line.shift();
      stream.queued = false;
      this.#queued--;
    } else if (stream.incremental && line.length > 1) {
      line.push(line.shift() as Http2Stream);
    }
  }

  /** All that waited has been sent. */
  #leave(stream: Http2Stream): void {
    stream.queued = false;
    this.#queued--;
    stream.pending = undefined;
    const { ending } = stream;
    if (ending === undefined) {
      stream.owner?.sent();
      return;
    }
    if (ending === '') this.end(stream);
    else this.#sendTrailers(stream, ending);
    stream.ended();
    stream.owner?.sent();
  }

  /** Sends from `from` on as much as windows and peer allow, up to `to`; returns where it stopped. */
  #sendSome(stream: Http2Stream, bytes: Uint8Array, from: number, to: number): number {
    const writer = this.#writer;
    let at = from;
    while (at < to && !writer.blocked) {
      const length = Math.min(to - at, writer.maxFrameBytes, this.window, stream.sendWindow);
      if (length <= 0) break;
      this.window -= length;
      stream.sendWindow -= length;
      this.octets += length;
      if (length >= SMALL_FRAME_BYTES || length === to - at) this.frames++;
      writer.data(stream.id, bytes, at, at + length);
      stream.lastData = writer.place(length);
      at += length;
    }
    return at;
  }
}
