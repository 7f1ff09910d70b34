// One exchange on a stream of an HTTP/2 client connection: takes the request's content in, has it handled, sees the answer out, and
// writes the record. The connection and its streams are in http2-connection.ts and wire/http2.
import type { Fields } from '#http/fields.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { Exchange, Informant } from '#model/exchange.ts';
import type { Request, Response, Tunnel } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { HeldBytes } from '#net/held-bytes.ts';
import { Http2ByteStream } from '#net/http2-byte-stream.ts';
import { Http2Content, type Http2ContentOwner } from '#net/http2-content.ts';
import { openTunnel } from '#net/open-tunnel.ts';
import { countActive } from '#telemetry/series.ts';
import { type ErrorName, MAX_FRAME_BYTES } from '#wire/http2/protocol.ts';
import type { Http2Stream, StreamLoss, StreamOwner } from '#wire/http2/stream.ts';
import { acceptFor } from '#wire/websocket/handshake.ts';
import { type AnswerOwner, Http2Answer } from './http2-answer.ts';
import type { Http2Connection } from './http2-connection.ts';
import type { ResponseReceiver } from './listener-host.ts';
import { answerMalformed } from './malformed-stream.ts';

/**
 * What a client must take of a response, if so much waits, within the time for sending: else a byte now and then would keep all that a
 * request holds for ever. With the default of 30 s that is 273 bytes a second. Content of other requests counts from so much on.
 */
const LEAST_MOVED_BYTES = 8192;

/** For content that nobody reads to its end, where there is any left; an error has its price. */
const ANSWERED = new ProxyError('client-closed', 'the response came before the end of the content');

export class Http2Exchange
  implements Deadlined, Informant, ResponseReceiver, StreamOwner, Http2ContentOwner, AnswerOwner
{
  deadline: DeadlineEntry | undefined = undefined;
  readonly exchange: Exchange;
  readonly #connection: Http2Connection;
  readonly #stream: Http2Stream;
  #content: Http2Content | undefined = undefined;
  #answer: Http2Answer | undefined = undefined;
  /** What the client has sent ahead of a tunnel; `undefined` when it asks for none. */
  #early: HeldBytes | undefined = undefined;
  /** How much of what waits, and of all content on the connection, had left when the deadline was set. */
  #sentBefore = 0;
  #octetsBefore = 0;
  /** How much content of requests had come on the connection then. */
  #receivedBefore = 0;
  /** Whether those who work for it are being told to stop: what they answer to that is for nobody. */
  #isGivenUp = false;
  #ended = false;

  constructor(connection: Http2Connection, exchange: Exchange, stream: Http2Stream) {
    this.#connection = connection;
    this.#stream = stream;
    this.exchange = exchange;
    exchange.snapshot.uses++;
    exchange.informant = this;
    countActive(connection.listenerState.series, 1);
  }

  /** Has the request handled. */
  start(): void {
    const { request } = this.exchange;
    if (request.upgrade !== '') {
      this.#early = new HeldBytes();
    } else if (!this.#stream.remoteEnded) {
      const { maxBodyBytes } = this.#connection.listenerState.settings;
      this.#content = new Http2Content(this.#stream, this, maxBodyBytes > 0 ? maxBodyBytes : Number.POSITIVE_INFINITY);
      request.body = this.#content;
    }
    this.#connection.host.handle(this);
    this.#watch();
  }

  /** The response has come. */
  respond(response: Response): void {
    if (this.#ended || this.#answer || this.#isGivenUp) {
      // Too late: whoever gave it has been told to stop, or is told now.
      if (response.body?.type === 'stream')
        response.body.cancel(this.exchange.aborted ?? new ProxyError('client-closed'));
      response.tunnel?.stream.abort();
      response.tunnel?.done();
      return;
    }
    const { upgrade } = this.exchange.request;
    if (response.tunnel && isAccepted(this.exchange.request, response)) {
      this.#openTunnel(response, response.tunnel);
      return;
    }
    // RFC 8441 4: to extended CONNECT any 2xx says that there is a tunnel.
    const isFalse =
      response.tunnel !== undefined || (upgrade !== '' && response.status >= 200 && response.status < 300);
    const answer = isFalse ? this.#refuseUpgrade(response) : response;
    this.#answer = new Http2Answer(this, this.#connection.session, this.#stream, answer);
    this.#answer.start();
    this.#watch();
  }

  /** Answers a request that is not to be handled. */
  refuse(error: ProxyError): void {
    this.exchange.blame(error);
    this.respond(this.#connection.host.answer(error, this.exchange));
  }

  /** Tells the client what is wrong with its request, unless a response has begun. See `ServerHost.spoilt`. */
  explain(error: ProxyError): boolean {
    if (this.#ended || this.#answer) return false;
    const { exchange } = this;
    return answerMalformed(this.#stream, exchange, this.#connection.host.answer(error, exchange), this.#connection);
  }

  /** Sends an informational response ahead of the final one. */
  inform(status: number, fields: Fields): void {
    if (this.#answer || this.#ended) return;
    const { text: lines, neverIndexed } = fields;
    this.#connection.session.respond(this.#stream, { status, lines, contentLength: -1, neverIndexed }, false);
  }

  onDeadline(): void {
    if (this.#answer?.waiting && this.#clientTakes()) this.#watch();
    else if (this.#answer?.waiting) this.#fail(new ProxyError('client-stalled'), 'CANCEL');
    else if (this.#content && !this.#content.complete && this.#clientPauses())
      this.#reject(new ProxyError('request-body-timeout'));
    else this.#watch();
  }

  // What the stream tells.

  receiveData(bytes: Buffer): void {
    if (this.#content) this.#content.receive(bytes);
    else if (this.#early) this.#early.push(bytes);
    else this.#stream.consumed(bytes.length);
  }

  receiveEnd(trailers: string, neverIndexed?: ReadonlySet<string>): void {
    this.#content?.end(trailers, neverIndexed);
    this.#watch();
  }

  lost({ by, reason }: StreamLoss): void {
    const error = by === 'breach' ? new ProxyError('http_request_error', reason) : this.#connection.lossOf(reason);
    this.#fail(error, undefined);
  }

  sent(): void {
    this.#answer?.flushed();
  }

  // What the content of the request tells.

  contentEnded(): void {
    this.#watch();
  }

  contentMoved(): void {
    this.#watch();
  }

  contentCancelled(): void {
    this.#watch();
  }

  contentRefused(error: ProxyError): void {
    this.#reject(error);
  }

  // What the answer tells.

  answerMoved(): void {
    this.#watch();
  }

  answerDone(): void {
    const content = this.#content;
    this.#finish();
    // RFC 9113 8.1: a server that has answered may ask for the rest not to be sent, "by sending a RST_STREAM with an error code of
    // NO_ERROR after sending a complete response".
    if (!this.#stream.remoteEnded) this.#stream.reset('NO_ERROR');
    content?.cancel(ANSWERED);
  }

  answerFailed(error: ProxyError): void {
    this.#fail(error, 'INTERNAL_ERROR');
  }

  /** Ends the exchange without a (whole) response; `code` is told to the client, if there still is one. */
  #fail(error: ProxyError, code: ErrorName | undefined): void {
    if (this.#ended) return;
    this.#giveUp(error);
    this.#answer?.cancel(error);
    this.#finish();
    if (code) this.#stream.reset(code);
  }

  /** The answer instead of one that only looks as if the protocol had been switched. */
  #refuseUpgrade({ status, body, tunnel }: Response): Response {
    const reason = tunnel ? 'Sec-WebSocket-Accept is not the answer to our key' : `it answered ${status}`;
    const error = new ProxyError('http_upgrade_failed', `the endpoint has not switched protocols: ${reason}`);
    if (body?.type === 'stream') body.cancel(error);
    tunnel?.stream.abort();
    tunnel?.done();
    return this.#connection.host.answer(error, this.exchange);
  }

  /** RFC 8441 4: a 2xx answer to extended CONNECT makes a tunnel of the stream. */
  #openTunnel({ fields }: Response, tunnel: Tunnel): void {
    const connection = this.#connection;
    this.exchange.status = 200;
    fields.delete('sec-websocket-accept');
    connection.session.respond(
      this.#stream,
      { status: 200, lines: fields.text, contentLength: -1, neverIndexed: fields.neverIndexed },
      false,
    );
    const client = new Http2ByteStream(this.#stream, connection, this.#early);
    this.#early = undefined;
    const tunnelEnded = (bytesSent: number) => {
      this.exchange.bytesSent = bytesSent;
      connection.tunnels.delete(open);
      this.#finish();
    };
    const side = { stream: client, early: undefined, halfClosed: false, tunnelEnded };
    const open = openTunnel(this.exchange, side, tunnel, connection.host);
    connection.tunnels.add(open);
    if (connection.isDraining) open.drain();
  }

  /** The content cannot go on: whoever reads it fails, and with it the exchange. */
  #reject(error: ProxyError): void {
    if (this.#ended) return;
    if (this.#answer) {
      this.#fail(error, 'CANCEL');
      return;
    }
    this.#giveUp(error);
    this.respond(this.#connection.host.answer(error, this.exchange));
  }

  #giveUp(error: ProxyError): void {
    this.#isGivenUp = true;
    this.exchange.abort(error);
    this.#content?.abort(error);
    this.#isGivenUp = false;
  }

  /** Whether enough of the response has left since the deadline was set; of others, where they may go first. */
  #clientTakes(): boolean {
    const { pendingAt, queued } = this.#stream;
    const { octets } = this.#connection.session.queue;
    return (
      pendingAt - this.#sentBefore >= LEAST_MOVED_BYTES || (queued && octets - this.#octetsBefore >= LEAST_MOVED_BYTES)
    );
  }

  /**
   * Whether the client could have sent content, and has not. What other requests hold may be all that it is allowed to send on this
   * connection; and theirs may go first (RFC 9218 9: a client may "make local processing or scheduling choices about the requests it
   * initiates").
   */
  #clientPauses(): boolean {
    const { bytes, received } = this.#connection.session.receiveWindow;
    return bytes >= MAX_FRAME_BYTES && received - this.#receivedBefore < LEAST_MOVED_BYTES;
  }

  /** Sets the deadline that fits what the exchange waits for; called whenever that changes. */
  #watch(): void {
    if (this.#ended) return;
    const { host, listenerState } = this.#connection;
    const content = this.#content;
    if (this.#answer?.waiting) {
      this.#sentBefore = this.#stream.pendingAt;
      this.#octetsBefore = this.#connection.session.queue.octets;
      host.deadlines.set(this, listenerState.settings.sendTimeoutMs);
      // Content on both sides goes on as long as either moves: who answers watches over that.
    } else if (content && !content.complete && !content.held && !this.#answer) {
      this.#receivedBefore = this.#connection.session.receiveWindow.received;
      host.deadlines.set(this, listenerState.settings.bodyTimeoutMs);
    } else if (this.deadline) host.deadlines.clear(this);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { exchange } = this;
    const { host, listenerState } = this.#connection;
    if (this.#content) exchange.bytesReceived = this.#content.received;
    if (this.#answer) exchange.bytesSent = this.#answer.sent;
    if (exchange.status === 0) exchange.status = exchange.error?.status ?? 499;
    host.deadlines.clear(this);
    exchange.snapshot.uses--;
    countActive(listenerState.series, -1);
    exchange.end();
    host.record(exchange, listenerState.series);
  }
}

/** RFC 6455 4.1: a client "MUST _Fail the WebSocket Connection_" when Sec-WebSocket-Accept is not what its key makes; here we are the client. */
function isAccepted({ fields }: Request, response: Response): boolean {
  return response.fields.get('sec-websocket-accept') === acceptFor(fields.get('sec-websocket-key') ?? '');
}
