// The server's side of an HTTP/2 connection: takes requests, gives responses. What is common to both sides is in Session.

import { Http2Error } from './http2-error.ts';
import { type Priority, parsePriority } from './priority.ts';
import { CLIENT_PREFACE, MAX_STREAM_ID, SETTING } from './protocol.ts';
import { RequestFields } from './request-fields.ts';
import { Session, type SessionHost, type SessionLimits } from './session.ts';
import type { Http2Stream } from './stream.ts';
import { TrailerFields } from './trailer-fields.ts';

export interface ServerHost extends SessionHost {
  /** A request has come; `stream.remoteEnded` tells that there is no content. The host sets `stream.owner`. */
  requested(stream: Http2Stream, request: RequestFields, isTooLarge: boolean): void;
  /**
   * The head of a request is malformed. True when the host has begun to answer: it then resets the stream itself, with PROTOCOL_ERROR,
   * when the client has had the time to read that, and has set another owner.
   */
  malformed(stream: Http2Stream, request: RequestFields): boolean;
  /** The same of what came behind the head. The former owner is told of the end in any case. */
  spoilt(stream: Http2Stream, reason: string): boolean;
}

/** Priorities that came ahead of their requests, the last ones. */
const MAX_EARLY_PRIORITIES = 100;

/** Streams that a client may give up within a second, if no more are open at once. */
const MAX_RESETS = 250;

export class ServerSession extends Session {
  declare readonly host: ServerHost;
  /** Octets of the client's preface that have come. */
  #preface = 0;
  #earlyPriorities: Map<number, Priority> | undefined = undefined;

  constructor(host: ServerHost, limits: SessionLimits) {
    super(host, limits, Math.max(MAX_RESETS, limits.maxStreams));
  }

  /** Sends the preface. */
  start(): void {
    const { maxStreams, streamWindow, maxHeadBytes } = this.limits;
    this.announce([
      [SETTING.MAX_CONCURRENT_STREAMS, maxStreams],
      [SETTING.INITIAL_WINDOW_SIZE, streamWindow],
      [SETTING.MAX_HEADER_LIST_SIZE, maxHeadBytes],
      [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
      [SETTING.NO_RFC7540_PRIORITIES, 1],
    ]);
  }

  override receive(bytes: Buffer, from: number, to: number): void {
    let at = from;
    if (this.#preface < CLIENT_PREFACE.length) {
      at = Math.min(to, from + CLIENT_PREFACE.length - this.#preface);
      const expected = CLIENT_PREFACE.slice(this.#preface, this.#preface + at - from);
      this.#preface += at - from;
      if (bytes.toString('latin1', from, at) !== expected) {
        // RFC 9113 3.4: an "invalid connection preface" is a connection error of type PROTOCOL_ERROR.
        this.fail(new Http2Error('PROTOCOL_ERROR', 'the connection preface is not valid'));
        return;
      }
    }
    if (at < to) super.receive(bytes, at, to);
  }

  /** Sends the head of a response, or an informational one; `lines` are field lines, `contentLength` below 0 says nothing. */
  respond(stream: Http2Stream, head: ResponseStart, endStream: boolean): void {
    if (stream.closed || stream.localEnded) return;
    const { encoder } = this;
    encoder.begin();
    encoder.field(':status', String(head.status));
    encoder.lines(head.lines, head.neverIndexed);
    if (head.contentLength >= 0) encoder.field('content-length', String(head.contentLength));
    this.sendHead(stream, endStream);
  }

  /** Tells the client to open no more streams; those that are under way when it gets to know still count (RFC 9113 6.8). */
  announceEnd(): void {
    this.goAway('NO_ERROR', MAX_STREAM_ID);
    this.ping();
  }

  /** Takes no more streams: what the client opens from here on is not looked at. */
  endStreams(): void {
    this.goAway('NO_ERROR', this.lastPeerStreamId);
  }

  /**
   * The client has closed its side, which does not keep it from reading. Streams of which it has asked for everything go on, as long as
   * their windows last, since no more WINDOW_UPDATE can come.
   */
  clientEnded(): void {
    this.queue.isFinal = true;
    this.endStreams();
    for (const stream of this.streams.values())
      if (!stream.remoteEnded) this.#giveUp(stream, 'the client has closed its side within its request');
    this.#giveUpStuck();
  }

  override flush(): void {
    this.#giveUpStuck();
    super.flush();
  }

  override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.lastPeerStreamId;
  }

  override takeBlock(): void {
    const { streamId } = this.block;
    const stream = this.streams.get(streamId);
    if (stream) {
      this.#takeTrailers(stream);
      return;
    }
    // RFC 9113 5.1.1: streams of a client have odd numbers.
    if (streamId % 2 === 0) throw new Http2Error('PROTOCOL_ERROR', 'HEADERS on a stream with an even number');
    const request = new RequestFields();
    const fits = this.#decode(request);
    if (streamId <= this.lastPeerStreamId) {
      if (this.isIgnored(streamId)) return;
      // RFC 9113 5.1.1: "An endpoint that receives an unexpected stream identifier MUST respond with a connection error of type
      // PROTOCOL_ERROR."
      if (this.gone.wasPassedOver(streamId))
        throw new Http2Error('PROTOCOL_ERROR', 'HEADERS on a stream that was passed over');
      throw new Http2Error('STREAM_CLOSED', 'HEADERS on a closed stream');
    }
    this.gone.addGap(this.lastPeerStreamId + (this.lastPeerStreamId === 0 ? 1 : 2), streamId - 2);
    this.lastPeerStreamId = streamId;
    if (streamId > this.lastAllowedStreamId) {
      // RFC 9113 6.8: "Once the GOAWAY is sent, the sender will ignore frames sent on streams […] higher than the included last stream".
      this.floods.count('refused-flood');
      return;
    }
    this.floods.opened();
    request.finish(this.block.endStream);
    this.#open(streamId, request, !fits);
  }

  override takePriorityUpdate(bytes: Buffer, from: number, to: number): void {
    const streamId = bytes.readUInt32BE(from) & 0x7fffffff;
    // RFC 9218 7.1: for stream 0, or one that cannot be a request's, a connection error of type PROTOCOL_ERROR.
    if (streamId % 2 === 0) throw new Http2Error('PROTOCOL_ERROR', 'PRIORITY_UPDATE for no request');
    const priority = parsePriority(bytes.toString('latin1', from + 4, to));
    const stream = this.streams.get(streamId);
    if (stream) this.queue.reprioritize(stream, priority);
    else if (this.isIdle(streamId)) this.#keepPriority(streamId, priority);
  }

  #giveUpStuck(): void {
    if (!this.queue.isFinal || this.over) return;
    for (const stream of this.streams.values())
      if (this.queue.isStuck(stream))
        this.#giveUp(stream, 'the client has closed its side, and left no window for the rest');
  }

  /** Ends a stream that can come to no good end, as a client would that says so. */
  #giveUp(stream: Http2Stream, reason: string): void {
    // What its owner has done for another one may have ended it.
    if (stream.closed) return;
    this.resetStream(stream, 'CANCEL');
    stream.owner?.lost({ code: 'CANCEL', by: 'peer', reason, isUnprocessed: false });
  }

  #decode(fields: RequestFields | TrailerFields): boolean {
    const { bytes, from, to } = this.block;
    return this.decoder.decode(bytes, from, to, fields.take, this.limits.maxHeadBytes);
  }

  #open(streamId: number, request: RequestFields, isTooLarge: boolean): void {
    const { endStream, dependsOn } = this.block;
    if (this.streams.size >= this.limits.maxStreams) {
      // RFC 9113 5.1.2: beyond the limit "MUST" be a stream error of type PROTOCOL_ERROR or REFUSED_STREAM; the latter says that
      // it may be tried again.
      this.refuse(streamId, 'REFUSED_STREAM');
      this.host.breached('REFUSED_STREAM');
      this.floods.count('refused-flood');
      return;
    }
    const stream = this.open(streamId);
    stream.remoteEnded = endStream;
    if (dependsOn === streamId) request.malformed ||= 'the stream depends on itself';
    // What is too large is not known whole, so that what seems to be missing may be there.
    if (request.malformed !== '' && !isTooLarge) {
      this.#refuseMalformed(stream, request);
      return;
    }
    // RFC 9110 9.3.6: "A CONNECT request message does not have content": what comes on the stream is not what content-length counts.
    stream.expected = request.method === 'CONNECT' ? -1 : request.contentLength;
    const early = this.#earlyPriorities?.get(streamId);
    if (early !== undefined) this.#earlyPriorities?.delete(streamId);
    // RFC 9218 7.1: PRIORITY_UPDATE counts more than the field.
    if (early !== undefined) this.queue.reprioritize(stream, early);
    else if (request.priority !== undefined) this.queue.reprioritize(stream, parsePriority(request.priority));
    this.host.requested(stream, request, isTooLarge);
  }

  /**
   * RFC 9113 8.1.1: malformed requests "MUST be treated as a stream error […] of type PROTOCOL_ERROR"; "a server MAY send an HTTP
   * response prior to closing or resetting the stream", and 8.2.1: it "SHOULD generate a 400 (Bad Request) status code".
   */
  #refuseMalformed(stream: Http2Stream, request: RequestFields): void {
    if (!this.host.malformed(stream, request)) this.resetStream(stream, 'PROTOCOL_ERROR');
    this.floods.count('malformed-flood');
    this.floods.gaveUp();
  }

  override spoil(stream: Http2Stream, reason: string): void {
    const { owner } = stream;
    // Nobody counts what comes of it from here on.
    stream.expected = -1;
    if (this.host.spoilt(stream, reason)) {
      this.host.breached('PROTOCOL_ERROR');
      owner?.lost({ code: 'PROTOCOL_ERROR', by: 'breach', reason, isUnprocessed: false });
      this.floods.gaveUp();
    } else {
      super.spoil(stream, reason);
    }
    this.floods.count('malformed-flood');
  }

  #takeTrailers(stream: Http2Stream): void {
    const trailers = new TrailerFields();
    const fits = this.#decode(trailers) && trailers.count <= this.limits.maxFields;
    trailers.finish();
    const flaw = this.flawOfTrailers(stream, trailers, fits);
    if (stream.remoteEnded) {
      this.breach(stream, 'STREAM_CLOSED', 'HEADERS behind the end of the stream');
      return;
    }
    if (flaw !== '') stream.remoteEnded = this.block.endStream;
    if (flaw !== '') this.spoil(stream, flaw);
    else this.endRemote(stream, trailers.text, trailers.neverIndexed);
  }

  #keepPriority(streamId: number, priority: Priority): void {
    this.#earlyPriorities ??= new Map();
    const early = this.#earlyPriorities;
    early.set(streamId, priority);
    if (early.size <= MAX_EARLY_PRIORITIES) return;
    for (const oldest of early.keys()) {
      early.delete(oldest);
      return;
    }
  }
}

export interface ResponseStart {
  readonly status: number;
  readonly lines: string;
  readonly contentLength: number;
  /** See `Fields.neverIndexed`. */
  readonly neverIndexed?: ReadonlySet<string> | undefined;
}
