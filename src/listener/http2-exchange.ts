// One exchange on a stream of an HTTP/2 client connection: takes the request's content in, has it handled, sees the answer out, and
// writes the record. The connection and its streams are in http2-connection.ts and wire/http2.
import type { Fields } from '#http/fields.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import type { Exchange, Informant } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { Http2Content, type Http2ContentOwner } from '#net/http2-content.ts';
import { countActive } from '#telemetry/series.ts';
import type { ErrorName } from '#wire/http2/protocol.ts';
import type { Http2Stream, StreamLoss, StreamOwner } from '#wire/http2/stream.ts';
import { type AnswerOwner, Http2Answer } from './http2-answer.ts';
import type { Http2Connection } from './http2-connection.ts';
import type { ResponseReceiver } from './listener-host.ts';

export class Http2Exchange
  implements Deadlined, Informant, ResponseReceiver, StreamOwner, Http2ContentOwner, AnswerOwner
{
  deadline: DeadlineEntry | undefined = undefined;
  readonly exchange: Exchange;
  readonly #connection: Http2Connection;
  readonly #stream: Http2Stream;
  #content: Http2Content | undefined = undefined;
  #answer: Http2Answer | undefined = undefined;
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
    if (!this.#stream.remoteEnded) {
      const { maxBodyBytes } = this.#connection.listenerState.settings;
      this.#content = new Http2Content(this.#stream, this, maxBodyBytes > 0 ? maxBodyBytes : Number.POSITIVE_INFINITY);
      request.body = this.#content;
    }
    this.#connection.host.handle(this);
    this.#watch();
  }

  /** The response has come. */
  respond(response: Response): void {
    if (this.#ended || this.#answer) {
      // Too late: whoever gave it has been told to stop, or is told now.
      if (response.body?.type === 'stream')
        response.body.cancel(this.exchange.aborted ?? new ProxyError('client-closed'));
      response.tunnel?.stream.abort();
      response.tunnel?.done();
      return;
    }
    this.#answer = new Http2Answer(this, this.#connection.session, this.#stream, response);
    this.#answer.start();
  }

  /** Answers a request that is not to be handled. */
  refuse(error: ProxyError): void {
    this.exchange.blame(error);
    this.respond(this.#connection.host.answer(error, this.exchange));
  }

  /** Sends an informational response ahead of the final one. */
  inform(status: number, fields: Fields): void {
    if (this.#answer || this.#ended) return;
    this.#connection.session.respond(this.#stream, { status, lines: fields.text, contentLength: -1 }, false);
  }

  onDeadline(): void {
    if (this.#answer?.waiting) this.#fail(new ProxyError('client-stalled'), 'CANCEL');
    else if (this.#content && !this.#content.complete) this.#reject(new ProxyError('request-body-timeout'));
  }

  // What the stream tells.

  receiveData(bytes: Buffer): void {
    if (this.#content) this.#content.receive(bytes);
    else this.#stream.consumed(bytes.length);
  }

  receiveEnd(trailers: string): void {
    this.#content?.end(trailers);
    this.#watch();
  }

  lost({ by, reason }: StreamLoss): void {
    const code = by === 'breach' ? 'http_request_error' : 'client-closed';
    this.#fail(new ProxyError(code, reason), undefined);
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
    content?.cancel(new ProxyError('client-closed', 'the response came before the end of the content'));
  }

  answerFailed(error: ProxyError): void {
    this.#fail(error, 'INTERNAL_ERROR');
  }

  /** Ends the exchange without a (whole) response; `code` is told to the client, if there still is one. */
  #fail(error: ProxyError, code: ErrorName | undefined): void {
    if (this.#ended) return;
    this.exchange.blame(error);
    this.exchange.abort(error);
    this.#content?.abort(error);
    this.#answer?.cancel(error);
    this.#finish();
    if (code) this.#stream.reset(code);
  }

  /** The content cannot go on: whoever reads it fails, and with it the exchange. */
  #reject(error: ProxyError): void {
    if (this.#ended) return;
    if (this.#answer) {
      this.#fail(error, 'CANCEL');
      return;
    }
    this.exchange.blame(error);
    this.exchange.abort(error);
    this.#content?.abort(error);
    this.respond(this.#connection.host.answer(error, this.exchange));
  }

  /** Sets the deadline that fits what the exchange waits for; called whenever that changes. */
  #watch(): void {
    if (this.#ended) return;
    const { host, listenerState } = this.#connection;
    const content = this.#content;
    if (this.#answer?.waiting) host.deadlines.set(this, listenerState.settings.sendTimeoutMs);
    else if (content && !content.complete && !content.held)
      host.deadlines.set(this, listenerState.settings.bodyTimeoutMs);
    else if (this.deadline) host.deadlines.clear(this);
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
