// The client's side of an HTTP/2 connection: sends requests, takes responses. What is common to both sides is in Session.
import { NumberTable } from '#lib/number-table.ts';
import { HpackBomb } from './hpack/decoder.ts';
import { Http2Error } from './http2-error.ts';
import { CLIENT_PREFACE, type ErrorName, MAX_STREAM_ID, SETTING } from './protocol.ts';
import { ResetMeter } from './reset-meter.ts';
import { ResponseFields } from './response-fields.ts';
import { Session, type SessionHost, type SessionLimits } from './session.ts';
import type { Http2Stream, StreamOwner } from './stream.ts';
import { TrailerFields } from './trailer-fields.ts';

/** Why a stream is lost whose field section is larger than allowed. */
export const TOO_LARGE = 'the field section is too large';

/** Whoever a response is for. */
export interface ResponseOwner extends StreamOwner {
  /**
   * A response head, or an informational one, which the final one follows. `stream.remoteEnded` tells that there is no content;
   * `receiveEnd` is called all the same.
   */
  receiveHead(head: ResponseFields): void;
}

export interface RequestStart {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** For extended CONNECT (RFC 8441 4); '' for every other request. */
  readonly protocol: string;
  readonly lines: string;
  /** Below 0 for none. */
  readonly contentLength: number;
  /** See `Fields.neverIndexed`. */
  readonly neverIndexed?: ReadonlySet<string> | undefined;
}

/** What it depends on whose a response is, and how much content it may have. */
interface OpenRequest {
  readonly owner: ResponseOwner;
  readonly method: string;
}

export class ClientSession extends Session {
  #nextStreamId = 1;
  readonly #requests = new NumberTable<OpenRequest>();
  readonly #resets: ResetMeter;

  constructor(host: SessionHost, limits: SessionLimits) {
    // A server that gives up streams costs nobody anything but trying again.
    super(host, limits, Number.POSITIVE_INFINITY);
    this.#resets = new ResetMeter(() => host.now());
  }

  /** Sends the preface. */
  start(): void {
    this.writer.raw(Buffer.from(CLIENT_PREFACE, 'latin1'));
    this.announce([
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.INITIAL_WINDOW_SIZE, this.limits.streamWindow],
      [SETTING.MAX_HEADER_LIST_SIZE, this.limits.maxHeadBytes],
    ]);
  }

  /** How many more streams the peer takes at the moment. */
  get freeStreams(): number {
    if (!this.isOpen) return 0;
    return Math.max(0, this.peer.maxStreams - this.streams.size);
  }

  /** Whether the connection may get requests at all, now or when others have ended. */
  get isOpen(): boolean {
    const last = Math.min(MAX_STREAM_ID, this.lastUsableStreamId);
    return !this.over && this.#nextStreamId <= last && this.lastUsableStreamId === Number.POSITIVE_INFINITY;
  }

  /** Opens a stream and sends the head of a request; to be called when there are `freeStreams`. */
  request(head: RequestStart, endStream: boolean, owner: ResponseOwner): Http2Stream {
    const stream = this.open(this.#nextStreamId);
    this.#nextStreamId += 2;
    this.floods.opened();
    stream.owner = owner;
    this.#requests.set(stream.id, { owner, method: head.method });
    stream.awaitsHead = true;
    const { encoder } = this;
    encoder.begin();
    encoder.field(':method', head.method);
    encoder.field(':scheme', head.scheme);
    // RFC 9113 8.3.1: without authority information it "MUST NOT generate ":authority"".
    if (head.authority !== '') this.#place(':authority', head.authority, head);
    this.#place(':path', head.path, head);
    if (head.protocol !== '') encoder.field(':protocol', head.protocol);
    encoder.lines(head.lines, head.neverIndexed);
    if (head.contentLength >= 0) encoder.field('content-length', String(head.contentLength));
    this.sendHead(stream, endStream);
    return stream;
  }

  /** Where the request goes, in the form that its sender has given that: it may hold a secret as other fields do. */
  #place(name: string, value: string, { neverIndexed }: RequestStart): void {
    if (neverIndexed?.has(name)) this.encoder.neverIndexed(name, value);
    else this.encoder.field(name, value);
  }

  /** Whether so many streams were reset that the server may soon take us for an attacker. */
  get isStrained(): boolean {
    return this.#resets.isHigh;
  }

  override resetStream(stream: Http2Stream, code: ErrorName): void {
    super.resetStream(stream, code);
    this.#resets.count();
  }

  override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextStreamId;
  }

  override takeBlock(): void {
    const { streamId } = this.block;
    const stream = this.streams.get(streamId);
    const request = this.#requests.get(streamId);
    const fields = stream?.awaitsHead === false ? new TrailerFields() : new ResponseFields();
    const fits = this.#decode(fields, stream) && fields.count <= this.limits.maxFields;
    if (!stream || !request) {
      if (this.isIdle(streamId)) throw new Http2Error('PROTOCOL_ERROR', 'HEADERS on an idle stream');
      if (!this.isIgnored(streamId)) throw new Http2Error('STREAM_CLOSED', 'HEADERS on a closed stream');
      return;
    }
    fields.finish();
    const isHead = fields instanceof ResponseFields;
    const flaw = isHead ? flawOfHead(fields, fits) : this.flawOfTrailers(stream, fields, fits);
    if (stream.remoteEnded) this.breach(stream, 'STREAM_CLOSED', 'HEADERS behind the end of the stream');
    else if (flaw !== '') this.breach(stream, 'PROTOCOL_ERROR', flaw);
    else if (isHead) this.#takeHead(stream, request, fields);
    else this.endRemote(stream, fields.text, fields.neverIndexed);
  }

  override checkSettings(): void {
    // RFC 9113 6.5.2: "A client MUST treat receipt of a SETTINGS frame with SETTINGS_ENABLE_PUSH set to 1 as a connection error".
    if (this.peer.enablesPush) throw new Http2Error('PROTOCOL_ERROR', 'ENABLE_PUSH of a server');
  }

  /** RFC 9218 7.1: "Servers MUST NOT send PRIORITY_UPDATE frames." */
  override takePriorityUpdate(): void {
    throw new Http2Error('PROTOCOL_ERROR', 'PRIORITY_UPDATE of a server');
  }

  protected override forgotten(stream: Http2Stream): void {
    this.#requests.delete(stream.id);
  }

  /** RFC 9113 6.8: streams beyond the last one "might be processed" by nobody, so that they may be tried elsewhere. */
  override peerLeaves(): void {
    for (const stream of this.streams.values()) {
      if (stream.id > this.lastUsableStreamId)
        this.lose(stream, { code: 'REFUSED_STREAM', by: 'peer', reason: 'GOAWAY', isUnprocessed: true });
    }
  }

  /** Decodes the block. Throws an `HpackError`, which costs the connection; the response that is to blame is told apart from the others. */
  #decode(fields: ResponseFields | TrailerFields, stream: Http2Stream | undefined): boolean {
    const { bytes, from, to } = this.block;
    try {
      return this.decoder.decode(bytes, from, to, fields.take, this.limits.maxHeadBytes);
    } catch (error) {
      if (stream && error instanceof HpackBomb) this.breach(stream, 'ENHANCE_YOUR_CALM', TOO_LARGE);
      throw error;
    }
  }

  #takeHead(stream: Http2Stream, request: OpenRequest, head: ResponseFields): void {
    const { endStream } = this.block;
    if (head.status < 200) {
      // RFC 9113 8.1: an informational response that ends the stream is malformed.
      if (endStream) this.breach(stream, 'PROTOCOL_ERROR', 'an informational response ends the stream');
      else request.owner.receiveHead(head);
      return;
    }
    stream.awaitsHead = false;
    stream.expected = expectedLength(request.method, head);
    if (endStream && stream.expected <= 0) {
      stream.remoteEnded = true;
      request.owner.receiveHead(head);
      if (!stream.closed) this.endRemote(stream, '');
      return;
    }
    request.owner.receiveHead(head);
    if (endStream && !stream.closed) this.endRemote(stream, '');
  }
}

/** How much content the final response must have; -1 when it does not say. */
function expectedLength(method: string, { status, contentLength }: ResponseFields): number {
  // RFC 9110 9.3.6: "A client MUST ignore any Content-Length […] received in a successful response to CONNECT."
  if (method === 'CONNECT' && status < 300) return -1;
  // What HEAD and 304 announce is the length that the content would have (RFC 9110 8.6).
  if (method === 'HEAD' || status === 304 || status === 204) return 0;
  return contentLength;
}

function flawOfHead(head: ResponseFields, fits: boolean): string {
  return fits ? head.malformed : TOO_LARGE;
}
