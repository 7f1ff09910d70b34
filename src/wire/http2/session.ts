// One HTTP/2 connection without its socket, for both roles (RFC 9113): takes bytes, keeps settings, streams and windows, gives bytes.
// What field sections mean is for its two kinds, ServerSession and ClientSession; what to do with messages is for the owners of streams.
//
// Use: `receive` what has come, `flush` when `host.wantsFlush` has asked for it (once a turn), `drained` when the peer has taken all.
import { ClosedStreams } from './closed-streams.ts';
import { FrameReader, type FrameReceiver } from './frame-reader.ts';
import { type FrameSink, FrameWriter } from './frame-writer.ts';
import { HeaderBlock } from './header-block.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { HpackError } from './hpack/error.ts';
import type { Classify } from './hpack/field.ts';
import { abuse, Http2Error } from './http2-error.ts';
import { FloodMeter } from './flood-meter.ts';
import { checkFrameHead } from './frame-rules.ts';
import { DEFAULT_WINDOW, ERROR_CODE, type ErrorName, errorName, FLAG, FRAME, MAX_WINDOW } from './protocol.ts';
import { SendQueue } from './send-queue.ts';
import { formatSettings, PeerSettings } from './settings.ts';
import { Http2Stream, type StreamHost, type StreamLoss } from './stream.ts';

export interface SessionHost extends FrameSink {
  /** Monotonic milliseconds. */
  now(): number;
  /** The connection is over by a breach of the peer, or by `fail`: GOAWAY has been written; flush and close. */
  failed(error: Http2Error): void;
  /** The peer will process no stream beyond `lastStreamId`. */
  goneAway(code: ErrorName, lastStreamId: number, debug: string): void;
  /** The last stream has ended. */
  idle(): void;
  /** The answer to a PING of ours. */
  pinged(): void;
  /** A breach, or an abuse, that cost a stream only; for counting. */
  breached(kind: string): void;
  /** The peer's settings have come, for the first time or anew. */
  settled(): void;
}

export interface SessionLimits {
  /** Streams that the peer may have open. */
  readonly maxStreams: number;
  /** Octets a stream, and the connection, may have sent that nobody has taken. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Of one field section, as RFC 9113 6.5.2 counts it. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
}

/** How much larger a header block may be than the greatest section: beyond it nothing is worth reading. */
const BLOCK_FACTOR = 4;

export abstract class Session implements FrameReceiver, StreamHost {
  readonly host: SessionHost;
  readonly limits: SessionLimits;
  readonly streams = new Map<number, Http2Stream>();
  readonly peer = new PeerSettings();
  readonly queue: SendQueue;
  readonly encoder = new HpackEncoder();
  protected readonly writer: FrameWriter;
  protected readonly floods: FloodMeter;
  protected readonly block: HeaderBlock;
  protected readonly decoder: HpackDecoder;
  /** Whether the connection is over: nothing that comes is looked at. */
  protected over = false;
  /** The highest stream that the peer has opened. */
  protected lastPeerStreamId = 0;
  /** The last stream that GOAWAY of ours lets the peer use; infinite before. */
  protected lastAllowedStreamId = Number.POSITIVE_INFINITY;
  /** The highest stream that the peer's GOAWAY lets us use. */
  protected lastUsableStreamId = Number.POSITIVE_INFINITY;
  readonly #reader = new FrameReader(this);
  protected readonly gone = new ClosedStreams();
  #receiveWindow = DEFAULT_WINDOW;
  /** Octets taken since the last WINDOW_UPDATE of the connection. */
  #unannounced = 0;
  #isSettled = false;
  /** SETTINGS of ours that the peer has not acknowledged. */
  #unacknowledged = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** The stream that DATA is for; `undefined` when it is for none that wants it. */
  #dataStream: Http2Stream | undefined = undefined;

  constructor(host: SessionHost, limits: SessionLimits, classify: Classify) {
    this.host = host;
    this.limits = limits;
    this.writer = new FrameWriter(host);
    this.queue = new SendQueue(this.writer, (stream, lines) => this.sendTrailers(stream, lines));
    this.floods = new FloodMeter(() => host.now());
    this.block = new HeaderBlock(limits.maxHeadBytes * BLOCK_FACTOR);
    this.decoder = new HpackDecoder({ maxTableBytes: 4096, classify });
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

  /** Whether the peer has still to acknowledge our settings. */
  get awaitsAcknowledgement(): boolean {
    return this.#unacknowledged > 0;
  }

  get isSettled(): boolean {
    return this.#isSettled;
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
    const payload = Buffer.alloc(8 + debug.length);
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(ERROR_CODE[code], 4);
    payload.latin1Write(debug, 8);
    this.writer.frame(FRAME.GOAWAY, 0, 0, payload);
    this.lastAllowedStreamId = Math.min(this.lastAllowedStreamId, lastStreamId);
  }

  /** Writes a PING; `host.pinged` tells of its answer. */
  ping(): void {
    this.writer.frame(FRAME.PING, 0, 0, PING_PAYLOAD);
  }

  // What streams ask.

  consumed(stream: Http2Stream, bytes: number): void {
    this.#creditConnection(bytes);
    if (stream.remoteEnded || stream.closed) return;
    stream.unannounced += bytes;
    if (stream.unannounced < this.limits.streamWindow / 2) return;
    this.writer.numberFrame(FRAME.WINDOW_UPDATE, stream.id, stream.unannounced);
    stream.receiveWindow += stream.unannounced;
    stream.unannounced = 0;
  }

  finished(stream: Http2Stream): void {
    this.#forget(stream);
  }

  resetStream(stream: Http2Stream, code: ErrorName): void {
    this.writer.numberFrame(FRAME.RST_STREAM, stream.id, ERROR_CODE[code]);
    if (!stream.remoteEnded) this.gone.addEnded(stream.id);
    this.#forget(stream);
  }

  sendTrailers(stream: Http2Stream, lines: string): void {
    this.encoder.begin();
    this.encoder.lines(lines);
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
    this.#unacknowledged++;
    const more = this.limits.connectionWindow - DEFAULT_WINDOW;
    if (more > 0) this.writer.numberFrame(FRAME.WINDOW_UPDATE, 0, more);
    this.#receiveWindow += Math.max(0, more);
  }

  protected open(id: number): Http2Stream {
    const stream = new Http2Stream(id, this, this.peer.initialWindow, this.limits.streamWindow);
    this.streams.set(id, stream);
    return stream;
  }

  /** Ends a stream for a breach of the peer (RFC 9113 5.4.2), and tells its owner. */
  protected breach(stream: Http2Stream, code: ErrorName, reason: string): void {
    this.host.breached(code);
    this.resetStream(stream, code);
    stream.owner?.lost({ code, by: 'breach', reason, isUnprocessed: false });
    this.floods.gaveUp();
  }

  /** Ends a stream without a frame, and tells its owner. */
  protected lose(stream: Http2Stream, loss: StreamLoss): void {
    this.#forget(stream);
    stream.owner?.lost(loss);
  }

  /** Refuses what the peer wanted to open. */
  protected refuse(streamId: number, code: ErrorName): void {
    this.writer.numberFrame(FRAME.RST_STREAM, streamId, ERROR_CODE[code]);
    this.gone.addEnded(streamId);
  }

  /** Whether nobody has used the stream yet (RFC 9113 5.1.1). */
  protected abstract isIdle(streamId: number): boolean;
  /** A whole header block has come; `block` tells where. To be decoded in any case, as the table is the connection's. */
  protected abstract takeBlock(): void;
  /** PRIORITY_UPDATE, which only servers receive (RFC 9218 7.1). */
  protected abstract takePriorityUpdate(bytes: Buffer, from: number, to: number): void;

  /** The stream is part of the connection no more. */
  protected forgotten(_stream: Http2Stream): void {}

  /** GOAWAY of the peer has changed `lastUsableStreamId`. */
  protected peerLeaves(): void {}

  /** Whether frames for a stream that is no more are to be ignored: we ended it, and the peer may not have known. */
  protected isIgnored(streamId: number): boolean {
    return this.gone.hasEnded(streamId) || streamId > this.lastAllowedStreamId;
  }

  /** END_STREAM has come. */
  protected endRemote(stream: Http2Stream, trailers: string): void {
    // RFC 9113 8.1.1: malformed is a message whose content-length "does not equal the sum of the DATA frame payload lengths".
    if (stream.expected > 0) {
      this.breach(stream, 'PROTOCOL_ERROR', 'less content than content-length says');
      return;
    }
    stream.remoteEnded = true;
    if (stream.localEnded) this.#forget(stream);
    stream.owner?.receiveEnd(trailers);
  }

  // What the frame reader tells.

  frameHead(type: number, flags: number, streamId: number, length: number): void {
    // RFC 9113 3.4: the preface of both ends has SETTINGS as its first frame.
    if (!this.#isSettled && (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0))
      throw new Http2Error('PROTOCOL_ERROR', 'the first frame is not SETTINGS');
    checkFrameHead(type, streamId, length);
    // RFC 9113 6.10: frames other than CONTINUATION of the same stream within a header block are a connection error PROTOCOL_ERROR.
    if (this.block.streamId !== 0 && (type !== FRAME.CONTINUATION || streamId !== this.block.streamId))
      throw new Http2Error('PROTOCOL_ERROR', 'a header block is interrupted');
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    if (type === FRAME.DATA) this.#beginData(length);
  }

  framePayload(bytes: Buffer, from: number, to: number): void {
    switch (this.#type) {
      case FRAME.HEADERS:
        if (this.block.begin(this.#flags, this.#streamId, { bytes, from, to })) this.#endBlock();
        return;
      case FRAME.CONTINUATION:
        if (this.block.streamId === 0) throw new Http2Error('PROTOCOL_ERROR', 'CONTINUATION without a header block');
        if (this.block.continue(this.#flags, bytes, from, to)) this.#endBlock();
        return;
      case FRAME.WINDOW_UPDATE:
        this.#widen(bytes.readUInt32BE(from) & 0x7fffffff);
        return;
      case FRAME.RST_STREAM:
        this.#takeReset(bytes.readUInt32BE(from));
        return;
      case FRAME.SETTINGS:
        this.#takeSettings(bytes, from, to);
        return;
      case FRAME.PING:
        this.#takePing(bytes, from, to);
        return;
      case FRAME.GOAWAY:
        this.#takeGoAway(bytes, from, to);
        return;
      case FRAME.PRIORITY:
        this.#takePriority(bytes, from, to);
        return;
      case FRAME.PUSH_PROMISE:
        // RFC 9113 8.4: "A client cannot push"; and of a server we say in our settings that it may not.
        throw new Http2Error('PROTOCOL_ERROR', 'PUSH_PROMISE was not allowed');
      case FRAME.PRIORITY_UPDATE:
        this.floods.count('priority-flood', this.streams.size);
        this.takePriorityUpdate(bytes, from, to);
        return;
      default:
        // RFC 9113 5.5: "Implementations MUST discard frames that have unknown or unsupported types."
        this.floods.count('unknown-frame-flood');
    }
  }

  dataContent(bytes: Buffer, from: number, to: number): void {
    const stream = this.#dataStream;
    if (!stream) {
      this.#creditConnection(to - from);
      return;
    }
    if (stream.expected >= 0) {
      stream.expected -= to - from;
      if (stream.expected < 0) {
        this.#dataStream = undefined;
        this.#creditConnection(to - from);
        this.breach(stream, 'PROTOCOL_ERROR', 'more content than content-length says');
        return;
      }
    }
    stream.owner?.receiveData(bytes.subarray(from, to));
    // The owner may have ended it.
    if (stream.closed) this.#dataStream = undefined;
  }

  dataEnd(padding: number): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (padding > 0) {
      if (stream) this.consumed(stream, padding);
      else this.#creditConnection(padding);
    }
    if (stream && this.#flags & FLAG.END_STREAM) this.endRemote(stream, '');
  }

  #beginData(length: number): void {
    const isEnd = (this.#flags & FLAG.END_STREAM) !== 0;
    if (length === 0 && !isEnd) this.floods.count('empty-data-flood');
    // RFC 9113 6.9.1: frames beyond a window are an error of the connection or of the stream, whose window it is. Padding counts.
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new Http2Error('FLOW_CONTROL_ERROR', 'more content than the connection window');
    const stream = this.streams.get(this.#streamId);
    this.#dataStream = undefined;
    if (!stream) {
      this.#checkGone('DATA');
      return;
    }
    if (stream.remoteEnded) {
      this.breach(stream, 'STREAM_CLOSED', 'DATA behind the end of the stream');
      return;
    }
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.breach(stream, 'FLOW_CONTROL_ERROR', 'more content than the stream window');
      return;
    }
    this.#dataStream = stream;
  }

  /** A frame for a stream that is not open. */
  #checkGone(what: string): void {
    if (this.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', `${what} on an idle stream`);
    if (!this.isIgnored(this.#streamId)) throw new Http2Error('STREAM_CLOSED', `${what} on a closed stream`);
  }

  #endBlock(): void {
    this.takeBlock();
    this.block.end();
  }

  #widen(increment: number): void {
    const streamId = this.#streamId;
    // A peer that takes what we send has reason for one or two of these a frame.
    this.floods.count('window-update-flood', this.queue.frames * 2);
    if (streamId === 0) {
      if (increment === 0) throw new Http2Error('PROTOCOL_ERROR', 'WINDOW_UPDATE by nothing');
      this.queue.window += increment;
      if (this.queue.window > MAX_WINDOW) throw new Http2Error('FLOW_CONTROL_ERROR', 'the connection window is too large');
      this.queue.pump();
      return;
    }
    const stream = this.streams.get(streamId);
    if (!stream) {
      if (this.isIdle(streamId)) throw new Http2Error('PROTOCOL_ERROR', 'WINDOW_UPDATE on an idle stream');
      return;
    }
    // RFC 9113 6.9: an increment of 0 is a stream error of type PROTOCOL_ERROR.
    if (increment === 0) {
      this.breach(stream, 'PROTOCOL_ERROR', 'WINDOW_UPDATE by nothing');
      return;
    }
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) {
      this.breach(stream, 'FLOW_CONTROL_ERROR', 'the stream window is too large');
      return;
    }
    this.queue.enqueue(stream);
    this.queue.pump();
  }

  #takeReset(code: number): void {
    const stream = this.streams.get(this.#streamId);
    if (!stream) {
      if (this.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', 'RST_STREAM on an idle stream');
      return;
    }
    const name = errorName(code);
    this.#forget(stream);
    stream.owner?.lost({ code: name, by: 'peer', reason: `RST_STREAM ${name}`, isUnprocessed: name === 'REFUSED_STREAM' });
    this.floods.gaveUp();
  }

  #takeSettings(bytes: Buffer, from: number, to: number): void {
    if (this.#flags & FLAG.ACK) {
      // RFC 9113 6.5: SETTINGS with ACK and a payload is a connection error FRAME_SIZE_ERROR.
      if (to > from) throw new Http2Error('FRAME_SIZE_ERROR', 'an acknowledgement of SETTINGS has a payload');
      this.#unacknowledged = Math.max(0, this.#unacknowledged - 1);
      return;
    }
    if ((to - from) % 6 !== 0) throw new Http2Error('FRAME_SIZE_ERROR', 'SETTINGS is not a list of settings');
    this.floods.count('settings-flood');
    const { initialWindow, headerTableBytes } = this.peer;
    this.peer.take(bytes, from, to);
    this.#isSettled = true;
    // Larger frames would only keep the others waiting.
    if (this.peer.headerTableBytes !== headerTableBytes) this.encoder.setPeerMaxTableBytes(this.peer.headerTableBytes);
    this.#shiftWindows(this.peer.initialWindow - initialWindow);
    this.writer.frame(FRAME.SETTINGS, FLAG.ACK, 0, NOTHING);
    this.host.settled();
    this.queue.pump();
  }

  /** RFC 9113 6.9.2: a changed initial window moves the windows of all streams that there are. */
  #shiftWindows(by: number): void {
    if (by === 0) return;
    for (const stream of this.streams.values()) {
      stream.sendWindow += by;
      if (stream.sendWindow > MAX_WINDOW) throw new Http2Error('FLOW_CONTROL_ERROR', 'a stream window is too large');
      this.queue.enqueue(stream);
    }
  }

  #takePing(bytes: Buffer, from: number, to: number): void {
    this.floods.count('ping-flood', this.queue.frames);
    if (this.#flags & FLAG.ACK) {
      if (bytes.subarray(from, to).equals(PING_PAYLOAD)) this.host.pinged();
      return;
    }
    this.writer.frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(from, to));
  }

  #takeGoAway(bytes: Buffer, from: number, to: number): void {
    const lastStreamId = bytes.readUInt32BE(from) & 0x7fffffff;
    // RFC 9113 6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier".
    this.lastUsableStreamId = Math.min(this.lastUsableStreamId, lastStreamId);
    const debug = bytes.latin1Slice(from + 8, Math.min(to, from + 8 + MAX_DEBUG_BYTES));
    this.host.goneAway(errorName(bytes.readUInt32BE(from + 4)), this.lastUsableStreamId, debug);
    this.peerLeaves();
  }

  /** RFC 9113 5.3.2 has made the old scheme obsolete; what is left of it are its errors. */
  #takePriority(bytes: Buffer, from: number, to: number): void {
    this.floods.count('priority-flood', this.streams.size);
    const stream = this.streams.get(this.#streamId);
    if (to - from !== 5) {
      // RFC 9113 6.3: "A PRIORITY frame with a length other than 5 octets MUST be treated as a stream error of type FRAME_SIZE_ERROR."
      if (stream) this.breach(stream, 'FRAME_SIZE_ERROR', 'PRIORITY is not of 5 octets');
      else if (this.isIdle(this.#streamId)) throw new Http2Error('FRAME_SIZE_ERROR', 'PRIORITY is not of 5 octets');
      return;
    }
    // RFC 7540 5.3.1: "A stream cannot depend on itself."
    if ((bytes.readUInt32BE(from) & 0x7fffffff) !== this.#streamId) return;
    if (stream) this.breach(stream, 'PROTOCOL_ERROR', 'a stream depends on itself');
    else if (this.isIdle(this.#streamId)) throw new Http2Error('PROTOCOL_ERROR', 'a stream depends on itself');
  }

  #creditConnection(bytes: number): void {
    this.#unannounced += bytes;
    if (this.#unannounced < this.limits.connectionWindow / 2 || this.over) return;
    this.writer.numberFrame(FRAME.WINDOW_UPDATE, 0, this.#unannounced);
    this.#receiveWindow += this.#unannounced;
    this.#unannounced = 0;
  }

  #forget(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    this.queue.remove(stream);
    this.streams.delete(stream.id);
    this.forgotten(stream);
    if (this.streams.size === 0) this.host.idle();
  }

  #loseAll(loss: StreamLoss): void {
    for (const stream of [...this.streams.values()]) this.lose(stream, loss);
  }

  #checkOverrun(): void {
    if (this.writer.overrun && !this.over) this.fail(abuse('unread-output', 'the peer does not read what it asks for'));
  }
}

const NOTHING = new Uint8Array(0);
const PING_PAYLOAD = Buffer.from('tidegate', 'latin1');
const MAX_DEBUG_BYTES = 200;

function asHttp2Error(error: unknown): Http2Error {
  if (error instanceof Http2Error) return error;
  if (error instanceof HpackError) return new Http2Error('COMPRESSION_ERROR', error.message);
  throw error;
}
