// Sessions of HTTP/2 for tests, without socket or process, in both roles: they are given bytes, what they send is kept as frames, and
// what their host is told is kept too.
import { ClientSession, type RequestStart, type ResponseOwner } from '#wire/http2/client-session.ts';
import type { BreachKind, Http2Error } from '#wire/http2/http2-error.ts';
import { CLIENT_PREFACE, MAX_FRAME_BYTES } from '#wire/http2/protocol.ts';
import type { RequestFields } from '#wire/http2/request-fields.ts';
import type { ResponseFields } from '#wire/http2/response-fields.ts';
import { type ResponseStart, type ServerHost, ServerSession } from '#wire/http2/server-session.ts';
import type { Session, SessionHost, SessionLimits } from '#wire/http2/session.ts';
import type { Http2Stream, StreamLoss, StreamOwner } from '#wire/http2/stream.ts';
import { FrameSender } from './frame-sender.ts';
import { type FieldPair, HpackReader } from './hpack.ts';
import { ERROR_NAMES, FLAG, FRAME, type Frame, FrameReader, type Setting } from './http2-frames.ts';

export const TEST_LIMITS: SessionLimits = {
  maxStreams: 100,
  streamWindow: 65536,
  connectionWindow: 1048576,
  maxHeadBytes: 16384,
  maxFields: 100,
};

/** Takes what comes on one stream. */
export class HeardStream implements StreamOwner {
  readonly stream: Http2Stream;
  readonly fields: RequestFields;
  readonly isTooLarge: boolean;
  content = '';
  /** Trailer lines; `undefined` until the end has come. */
  trailers: string | undefined = undefined;
  loss: StreamLoss | undefined = undefined;
  /** How often waiting content was said to have been sent. */
  sentCalls = 0;
  /** Whether content counts as taken when it comes; not with the path `/hold`. */
  takes: boolean;

  constructor(stream: Http2Stream, fields: RequestFields, isTooLarge: boolean) {
    this.stream = stream;
    this.fields = fields;
    this.isTooLarge = isTooLarge;
    this.takes = fields.path !== '/hold';
    if (stream.remoteEnded) this.trailers = '';
  }

  receiveData(bytes: Buffer): void {
    this.#checkGoesOn();
    this.content += bytes.toString('latin1');
    if (this.takes) this.stream.consumed(bytes.length);
  }

  receiveEnd(trailers: string): void {
    this.#checkGoesOn();
    this.trailers = trailers;
  }

  lost(loss: StreamLoss): void {
    if (this.loss) throw new Error('a stream was lost twice');
    this.loss = loss;
  }

  sent(): void {
    this.sentCalls++;
  }

  #checkGoesOn(): void {
    if (this.trailers !== undefined || this.loss) throw new Error('something comes behind the end of a stream');
  }
}

/** The other end of a session: what it sends goes in at once. */
abstract class EnginePeer extends FrameSender<void> implements SessionHost {
  abstract readonly session: Session;
  readonly frames: Frame[] = [];
  readonly breaches: BreachKind[] = [];
  failure: Http2Error | undefined = undefined;
  pings = 0;
  /** What the clock says. */
  time = 0;
  /** Whether the socket takes what is written; until `drain` else. */
  isSlow = false;
  /** Octets that the session has written ahead of its first frame. */
  protected skipped = 0;
  readonly #reader = new FrameReader();
  readonly #hpack = new HpackReader();
  #block: { readonly frame: Frame; readonly parts: Buffer[] } | undefined = undefined;
  #wantsFlush = false;

  send(bytes: Buffer | string): void {
    const owned = Buffer.from(bytes as string, 'latin1');
    this.session.receive(owned, 0, owned.length);
    // What was received is valid during the call only.
    owned.fill(0xaa);
    this.turn();
  }

  /** The end of a turn of the loop. */
  turn(): void {
    while (this.#wantsFlush) {
      this.#wantsFlush = false;
      this.session.flush();
    }
  }

  /** The socket has taken what was written. */
  drain(): void {
    this.isSlow = false;
    this.session.drained();
    this.turn();
  }

  /** Frames so far of a type, and of a stream if one is given. */
  of(type: number, streamId?: number): readonly Frame[] {
    return this.frames.filter(
      (frame) => frame.type === type && (streamId === undefined || frame.streamId === streamId),
    );
  }

  /** Names of the codes with which a stream was reset. */
  resets(streamId: number): readonly string[] {
    return this.of(FRAME.rstStream, streamId).map(({ payload }) => nameOf(payload.readUInt32BE(0)));
  }

  /** All GOAWAY frames so far. */
  get goaways(): readonly { readonly lastStreamId: number; readonly code: string }[] {
    return this.of(FRAME.goaway).map(({ payload }) => ({
      lastStreamId: payload.readUInt32BE(0),
      code: nameOf(payload.readUInt32BE(4)),
    }));
  }

  /** Content sent on a stream so far. */
  contentOf(streamId: number): string {
    return Buffer.concat(this.of(FRAME.data, streamId).map(({ payload }) => payload)).toString('latin1');
  }

  /** Sum of all that WINDOW_UPDATE has given, to a stream or to the connection. */
  granted(streamId: number): number {
    return this.of(FRAME.windowUpdate, streamId).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  }

  // What the session asks and tells.

  write(bytes: Uint8Array): boolean {
    const skipped = Math.min(this.skipped, bytes.length);
    this.skipped -= skipped;
    for (const frame of this.#reader.push(Buffer.from(bytes.subarray(skipped)))) this.#take(frame);
    return !this.isSlow;
  }

  wantsFlush(): void {
    this.#wantsFlush = true;
  }

  now(): number {
    return this.time;
  }

  breached(kind: BreachKind): void {
    this.breaches.push(kind);
  }

  failed(error: Http2Error): void {
    if (this.failure) throw new Error('a session failed twice');
    this.failure = error;
    this.breaches.push(error.kind);
  }

  goneAway(): void {}
  idle(): void {}
  settled(): void {}

  pinged(): void {
    this.pings++;
  }

  /** Keeps a frame, if it is one that may be sent. */
  #take(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    if (payload.length > MAX_FRAME_BYTES) throw new Error(`a frame of ${payload.length} octets was sent`);
    if (this.#block && (type !== FRAME.continuation || streamId !== this.#block.frame.streamId))
      throw new Error('a header block that was sent is interrupted');
    this.frames.push(frame);
    if (type === FRAME.headers) this.#block = { frame, parts: [payload] };
    else if (type === FRAME.continuation) this.#block?.parts.push(payload);
    else return;
    if (!this.#block) throw new Error('CONTINUATION was sent without a header block');
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block.frame.fields = this.#hpack.read(Buffer.concat(this.#block.parts));
    this.#block = undefined;
  }
}

/** A client of a session. */
export class SessionPeer extends EnginePeer implements ServerHost {
  readonly session: ServerSession;
  readonly heard = new Map<number, HeardStream>();
  /** Streams on which a response has begun. */
  readonly #answered = new Set<number>();
  /** Called for each request. */
  onRequest: ((request: HeardStream) => void) | undefined = undefined;

  constructor(limits: Partial<SessionLimits> = {}) {
    super();
    this.session = new ServerSession(this, { ...TEST_LIMITS, ...limits });
    const respond = this.session.respond.bind(this.session);
    this.session.respond = (stream, head, endStream) => {
      this.#answered.add(stream.id);
      respond(stream, head, endStream);
    };
    this.session.start();
  }

  /** A session that has its client's preface, with both sides' settings acknowledged. */
  static opened(limits?: Partial<SessionLimits>, settings: readonly Setting[] = []): SessionPeer {
    const peer = new SessionPeer(limits);
    peer.preface(settings);
    peer.frame(FRAME.settings, FLAG.ack, 0);
    peer.frames.length = 0;
    return peer;
  }

  /** The request of a stream. Throws when there is none. */
  requestOn(streamId: number): HeardStream {
    const heard = this.heard.get(streamId);
    if (!heard) throw new Error(`no request came on stream ${streamId}`);
    return heard;
  }

  respond(streamId: number, head: Partial<ResponseStart> = {}, content: string | undefined = undefined): void {
    const { stream } = this.requestOn(streamId);
    this.session.respond(stream, { status: 200, lines: '', contentLength: -1, ...head }, content === undefined);
    if (content !== undefined) {
      stream.send(Buffer.from(content, 'latin1'));
      stream.end();
    }
    this.turn();
  }

  requested(stream: Http2Stream, fields: RequestFields, isTooLarge: boolean): void {
    const heard = new HeardStream(stream, fields, isTooLarge);
    stream.owner = heard;
    this.heard.set(stream.id, heard);
    this.onRequest?.(heard);
  }

  malformed(stream: Http2Stream): boolean {
    this.breaches.push('PROTOCOL_ERROR');
    return this.spoilt(stream);
  }

  /** Says 400, if there may be an answer yet, and leaves the reset to the session. */
  spoilt(stream: Http2Stream): boolean {
    if (this.#answered.has(stream.id)) return false;
    this.session.respond(stream, { status: 400, lines: '', contentLength: 3 }, false);
    stream.sendUnended('bad');
    return false;
  }
}

/** Takes the response on one stream. */
export class AwaitedResponse implements ResponseOwner {
  readonly heads: ResponseFields[] = [];
  content = '';
  /** Trailer lines; `undefined` until the end has come. */
  trailers: string | undefined = undefined;
  loss: StreamLoss | undefined = undefined;
  sentCalls = 0;
  stream!: Http2Stream;

  get statuses(): readonly number[] {
    return this.heads.map(({ status }) => status);
  }

  receiveHead(head: ResponseFields): void {
    this.#checkGoesOn();
    this.heads.push(head);
  }

  receiveData(bytes: Buffer): void {
    this.#checkGoesOn();
    this.content += bytes.toString('latin1');
    this.stream.consumed(bytes.length);
  }

  receiveEnd(trailers: string): void {
    this.#checkGoesOn();
    this.trailers = trailers;
  }

  lost(loss: StreamLoss): void {
    if (this.loss) throw new Error('a stream was lost twice');
    this.loss = loss;
  }

  sent(): void {
    this.sentCalls++;
  }

  #checkGoesOn(): void {
    if (this.trailers !== undefined || this.loss) throw new Error('something comes behind the end of a stream');
  }
}

/** A server of a session. */
export class ServerPeer extends EnginePeer {
  readonly session: ClientSession;

  constructor(limits: Partial<SessionLimits> = {}) {
    super();
    this.skipped = CLIENT_PREFACE.length;
    this.session = new ClientSession(this, { ...TEST_LIMITS, maxStreams: 0, ...limits });
    this.session.start();
    this.turn();
  }

  /** A session whose server has sent its settings, with both sides' settings acknowledged. */
  static opened(limits?: Partial<SessionLimits>, settings: readonly Setting[] = []): ServerPeer {
    const peer = new ServerPeer(limits);
    peer.settings(...settings);
    peer.frame(FRAME.settings, FLAG.ack, 0);
    peer.frames.length = 0;
    return peer;
  }

  /** Has the session send a request. */
  ask(head: Partial<RequestStart> = {}, endStream = true): AwaitedResponse {
    const owner = new AwaitedResponse();
    const usual = { method: 'GET', scheme: 'http', authority: 'example.com', path: '/', protocol: '', lines: '' };
    owner.stream = this.session.request({ ...usual, contentLength: -1, ...head }, endStream, owner);
    this.turn();
    return owner;
  }

  /** Sends the head of a response. */
  answer(streamId: number, status: number, fields: readonly FieldPair[] = [], flags = 0): void {
    this.headers(streamId, [[':status', `${status}`], ...fields], flags);
  }
}

function nameOf(code: number): string {
  return ERROR_NAMES[code] ?? String(code);
}
