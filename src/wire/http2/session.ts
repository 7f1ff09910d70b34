// One HTTP/2 connection without its socket, for both roles (RFC 9113): takes bytes, keeps settings, streams and windows, gives bytes.
// What field sections mean is for its two kinds, ServerSession and ClientSession; what to do with messages is for the owners of streams.
//
// Use: `receive` what has come, `flush` when `host.wantsFlush` has asked for it (once a turn), `drained` when the peer has taken all.
import { NumberTable } from '#lib/number-table.ts';
import { ClosedStreams } from './closed-streams.ts';
import { classify } from './field-kinds.ts';
import { FloodMeter } from './flood-meter.ts';
import { FrameIntake } from './frame-intake.ts';
import { FrameReader } from './frame-reader.ts';
import { type FrameSink, FrameWriter } from './frame-writer.ts';
import { HeaderBlock } from './header-block.ts';
import { HpackBomb, HpackDecoder, HpackError } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { abuse, type BreachKind, Http2Error } from './http2-error.ts';
import { DEFAULT_WINDOW, ERROR_CODE, type ErrorName, FRAME, PING_PAYLOAD } from './protocol.ts';
import { ReceiveWindow } from './receive-window.ts';
import { SendQueue } from './send-queue.ts';
import { formatSettings, PeerSettings } from './settings.ts';
import { Http2Stream, type StreamHost, type StreamLoss } from './stream.ts';
import type { TrailerFields } from './trailer-fields.ts';

export interface SessionHost extends FrameSink {
  /** Monotonic milliseconds. */
  now(): number;
  /** The connection is over by a breach of the peer, or by `fail`: GOAWAY has been written; flush and close. */
  failed(error: Http2Error): void;
  /** The peer will process no stream beyond the `lastUsableStreamId` of the session. */
  goneAway(code: ErrorName, debug: string): void;
  /** The last stream has ended. */
  idle(): void;
  /** The answer to a PING of ours. */
  pinged(): void;
  /** A breach, or an abuse, that cost a stream only; for counting. */
  breached(kind: BreachKind): void;
  /** The peer's settings have come, for the first time or anew. */
  settled(): void;
}

export interface SessionLimits {
  /** Streams that the peer may have open. */
  readonly maxStreams: number;
  /** Octets a stream, and the connection, may have sent that nobody has taken. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Of one field section, as RFC 9113 6.5.2 counts it, and its fields. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

/**
 * How much larger than the greatest section a header block may be, and what it decodes to. A section that is too large is decoded all
 * the same, as the table behind it is the connection's; beyond this it is not worth the work, and the connection goes with it.
 */
const BLOCK_FACTOR = 4;

/** What may wait for a peer that reads nothing, answers to its frames above all, and heads of its streams. */
const WAITING_BYTES = 524_288;
const WAITING_BYTES_PER_STREAM = 2048;

export abstract class Session implements StreamHost {
  readonly host: SessionHost;
  readonly limits: SessionLimits;
  readonly streams = new NumberTable<Http2Stream>();
  readonly peer = new PeerSettings((bytes) => this.encoder.setPeerMaxTableBytes(bytes));
  readonly queue: SendQueue;
  readonly encoder = new HpackEncoder();
  readonly writer: FrameWriter;
  readonly floods: FloodMeter;
  readonly block: HeaderBlock;
  protected readonly decoder: HpackDecoder;
  /** Whether the connection is over: nothing that comes is looked at. */
  over = false;
  /** The highest stream that the peer has opened, or has wanted to. */
  protected lastPeerStreamId = 0;
  /** The last stream that GOAWAY of ours lets the peer use; infinite before. */
  protected lastAllowedStreamId = Number.POSITIVE_INFINITY;
  /** The highest stream that the peer's GOAWAY lets us use. */
  lastUsableStreamId = Number.POSITIVE_INFINITY;
  readonly #intake = new FrameIntake(this);
  readonly #reader = new FrameReader(this.#intake);
  readonly gone = new ClosedStreams();
  readonly receiveWindow: ReceiveWindow;
  /** What the peer may send on a new stream: what it has begun with, or more, until it has taken our settings. */
  #streamWindow: number;

  /** `maxResets`: streams that may be given up within a second whatever else happens. */
  constructor(host: SessionHost, limits: SessionLimits, maxResets: number) {
    this.host = host;
    this.limits = limits;
    this.writer = new FrameWriter(host, WAITING_BYTES + limits.maxStreams * WAITING_BYTES_PER_STREAM);
    this.queue = new SendQueue(this.writer, (stream, lines) => this.sendTrailers(stream, lines));
    this.receiveWindow = new ReceiveWindow(this.writer, limits.connectionWindow);
    this.#streamWindow = Math.max(DEFAULT_WINDOW, limits.streamWindow);
    this.floods = new FloodMeter({ now: () => host.now(), frames: () => this.queue.frames, maxResets });
    const maxBlockBytes = limits.maxHeadBytes * BLOCK_FACTOR;
    this.block = new HeaderBlock(maxBlockBytes);
    this.decoder = new HpackDecoder({ maxTableBytes: 4096, maxDecodedBytes: maxBlockBytes, classify });
  }

  /** Takes received bytes, which are valid during the call. Never throws for what a peer sends. */
  receive(bytes: Buffer, from: number, to: number): void {
    if (this.over) return;
    try {
      this.#reader.read(bytes, from, to);
    } catch (error) {
      this.fail(asHttp2Error(error));
    }
    this.#checkOverrun();
  }

  /** Sends what was written since the last time. */
  flush(): void {
    this.writer.flush();
    this.#checkOverrun();
  }

  /** The peer has taken all that was sent. */
  drained(): void {
    this.writer.drained();
    this.queue.pump();
  }

  /** Whether the peer is slow to take what was sent. */
  get isBlocked(): boolean {
    return this.writer.blocked;
  }

  /** Whether a frame or a header block has begun and not ended. */
  get isInFrame(): boolean {
    return this.#reader.isInFrame || this.block.streamId !== 0;
  }

  get isSettled(): boolean {
    return this.#intake.isSettled;
  }

  /** Ends the connection: GOAWAY with the code, all streams lost. */
  fail(error: Http2Error): void {
    if (this.over) return;
    this.over = true;
    this.goAway(error.code, this.lastPeerStreamId, error.message);
    this.#loseAll({ code: error.code, by: 'connection', reason: error.message, isUnprocessed: false });
    this.host.failed(error);
  }

  /** The connection is gone. */
  closed(reason: string): void {
    this.over = true;
    this.#loseAll({ code: 'INTERNAL_ERROR', by: 'connection', reason, isUnprocessed: false });
  }

  /** Writes GOAWAY; streams up to `lastStreamId` go on. */
  goAway(code: ErrorName, lastStreamId: number, debug = ''): void {
    // RFC 9113 6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier".
    this.lastAllowedStreamId = Math.min(this.lastAllowedStreamId, lastStreamId);
    const payload = Buffer.alloc(8 + debug.length);
    payload.writeUInt32BE(this.lastAllowedStreamId, 0);
    payload.writeUInt32BE(ERROR_CODE[code], 4);
    payload.write(debug, 8, 'latin1');
    this.writer.frame(FRAME.GOAWAY, 0, 0, payload);
  }

  /** Writes a PING; `host.pinged` tells of its answer. */
  ping(): void {
    this.writer.frame(FRAME.PING, 0, 0, PING_PAYLOAD);
  }

  // What streams ask.

  consumed(stream: Http2Stream, bytes: number): void {
    this.receiveWindow.credit(bytes);
    if (stream.remoteEnded || stream.closed) return;
    stream.unannounced += bytes;
    if (stream.unannounced < this.limits.streamWindow / 2) return;
    this.writer.numberFrame(FRAME.WINDOW_UPDATE, stream.id, stream.unannounced);
    stream.receiveWindow += stream.unannounced;
    stream.unannounced = 0;
  }

  finished(stream: Http2Stream): void {
    this.forget(stream);
  }

  resetStream(stream: Http2Stream, code: ErrorName): void {
    this.writer.numberFrame(FRAME.RST_STREAM, stream.id, ERROR_CODE[code]);
    if (!stream.remoteEnded) this.gone.addEnded(stream.id);
    this.forget(stream);
  }

  sendTrailers(stream: Http2Stream, lines: string): void {
    this.encoder.begin();
    this.encoder.lines(lines, stream.neverIndexed);
    this.writer.headers(stream.id, this.encoder.end(), true);
  }

  /** Writes what the encoder holds as the head of the stream's message. */
  protected sendHead(stream: Http2Stream, endStream: boolean): void {
    this.writer.headers(stream.id, this.encoder.end(), endStream);
    if (endStream) stream.ended();
  }

  /** Announces settings and the connection's window; the first thing that is sent. */
  protected announce(settings: readonly (readonly [number, number])[]): void {
    this.writer.frame(FRAME.SETTINGS, 0, 0, formatSettings(settings));
    this.#intake.unacknowledged++;
    const more = this.limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) this.writer.numberFrame(FRAME.WINDOW_UPDATE, 0, more);
    this.receiveWindow.bytes += Math.max(0, more);
  }

  protected open(id: number): Http2Stream {
    const stream = new Http2Stream(id, this, this.peer.initialWindow, this.#streamWindow);
    this.streams.set(id, stream);
    return stream;
  }

  /** Ends a stream for a breach of the peer (RFC 9113 5.4.2), and tells its owner. */
  breach(stream: Http2Stream, code: ErrorName, reason: string): void {
    this.host.breached(code);
    this.resetStream(stream, code);
    stream.owner?.lost({ code, by: 'breach', reason, isUnprocessed: false });
    this.floods.gaveUp();
  }

  /** Ends a stream for a message of the peer that has turned out malformed (RFC 9113 8.1.1). */
  spoil(stream: Http2Stream, reason: string): void {
    this.breach(stream, 'PROTOCOL_ERROR', reason);
  }

  /** What is wrong with a field section behind the head of the peer's message; '' when nothing is. */
  protected flawOfTrailers(stream: Http2Stream, trailers: TrailerFields, fits: boolean): string {
    // RFC 9113 8.5: on a connected stream, frames other than DATA and those that manage the stream "MUST be treated as a stream error".
    if (stream.isTunnel) return 'HEADERS on a tunnel';
    // RFC 9113 8.1: a second HEADERS without END_STREAM makes a message malformed.
    if (!this.block.endStream) return 'trailers do not end the stream';
    return fits ? trailers.malformed : 'too many trailers';
  }

  /** Ends a stream without a frame, and tells its owner. */
  lose(stream: Http2Stream, loss: StreamLoss): void {
    this.forget(stream);
    stream.owner?.lost(loss);
  }

  /** Refuses what the peer wanted to open. */
  protected refuse(streamId: number, code: ErrorName): void {
    this.writer.numberFrame(FRAME.RST_STREAM, streamId, ERROR_CODE[code]);
    this.gone.addEnded(streamId);
  }

  /** Whether nobody has used the stream yet (RFC 9113 5.1.1). */
  abstract isIdle(streamId: number): boolean;
  /** A whole header block has come; `block` tells where. To be decoded in any case, as the table is the connection's. */
  abstract takeBlock(): void;
  /** PRIORITY_UPDATE, which only servers receive (RFC 9218 7.1). */
  abstract takePriorityUpdate(bytes: Buffer, from: number, to: number): void;

  /** Settings of the peer have come; throws when they are not for its role. */
  checkSettings(): void {}

  /** The stream is part of the connection no more. */
  protected forgotten(_stream: Http2Stream): void {}

  /** GOAWAY of the peer has changed `lastUsableStreamId`. */
  peerLeaves(): void {}

  /** Whether frames for a stream that is no more are to be ignored: we ended it, and the peer may not have known. */
  isIgnored(streamId: number): boolean {
    return this.gone.hasEnded(streamId) || streamId > this.lastAllowedStreamId;
  }

  /** The peer has taken our settings, and with them the window of streams (RFC 9113 6.9.2). */
  acknowledged(): void {
    const { streamWindow } = this.limits;
    for (const stream of this.streams.values()) stream.receiveWindow += streamWindow - this.#streamWindow;
    this.#streamWindow = streamWindow;
  }

  /** END_STREAM has come. */
  endRemote(stream: Http2Stream, trailers: string, neverIndexed?: ReadonlySet<string>): void {
    // RFC 9113 8.1.1: malformed is a message whose content-length "does not equal the sum of the DATA frame payload lengths".
    stream.remoteEnded = true;
    if (stream.expected > 0) {
      this.spoil(stream, 'less content than content-length says');
      return;
    }
    if (stream.localEnded) this.forget(stream);
    stream.owner?.receiveEnd(trailers, neverIndexed);
  }

  forget(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    this.queue.remove(stream);
    this.streams.delete(stream.id);
    this.forgotten(stream);
    if (this.streams.size === 0) this.host.idle();
  }

  #loseAll(loss: StreamLoss): void {
    for (const stream of this.streams.values()) this.lose(stream, loss);
  }

  #checkOverrun(): void {
    if (this.writer.overrun && !this.over) this.fail(abuse('unread-output', 'the peer does not read what it asks for'));
  }
}

function asHttp2Error(error: unknown): Http2Error {
  if (error instanceof Http2Error) return error;
  // RFC 9113 10.5.1: a limit on header lists may be kept by ending the connection.
  if (error instanceof HpackBomb) return abuse('header-bomb', error.message);
  if (error instanceof HpackError) return new Http2Error('COMPRESSION_ERROR', error.message);
  throw error;
}
