// One exchange on an HTTP/1.x client connection: takes the request's content in, has it handled, sees the answer out, and
// writes the record. Reading heads and the life of the connection are in http1-connection.ts.
import type { Fields } from '#http/fields.ts';
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import { fixedBody, UNKNOWN_LENGTH } from '#model/body.ts';
import type { Exchange, Informant } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { IncomingBody } from '#net/incoming-body.ts';
import { countActive } from '#telemetry/series.ts';
import type { RequestHead } from '#wire/http1/request-head.ts';
import { serializeResponseHead } from '#wire/http1/serialize.ts';
import { Http1Answer } from './http1-answer.ts';
import type { Http1Connection } from './http1-connection.ts';
import { refusal } from './http1-request.ts';
import type { ResponseReceiver } from './listener-host.ts';

/** Content that came with its head and is no larger is kept as a whole, so that it can be sent again on a retry. */
const MAX_FIXED_BYTES = 16384;
/** Unwanted content up to this size is read and dropped to keep the connection; more closes it. */
const MAX_DRAINED_BYTES = 65536;
/** After a client's FIN it may wait for its response or be gone: an informational response finds out (see `#probe`). */
const PROBE_AFTER_MS = 500;

export class Http1Exchange implements Deadlined, Informant, ResponseReceiver {
  deadline: DeadlineEntry | undefined = undefined;
  readonly connection: Http1Connection;
  readonly exchange: Exchange;
  #incoming: IncomingBody | undefined = undefined;
  #answer: Http1Answer | undefined = undefined;
  /** Whether the connection may stay behind this exchange. */
  #persistent: boolean;
  /** Whether the client waits for 100 (Continue) before it sends content. */
  #expectsContinue = false;
  /** Whether the rest of the content is read and dropped. */
  #dropping = false;
  /** Whether all of the answer has been written and only the rest of the content is awaited. */
  #answered = false;
  /** Whether those who work for it are being told to stop: what they answer to that is for nobody. */
  #isGivenUp = false;
  #ended = false;

  constructor(connection: Http1Connection, exchange: Exchange, persistent: boolean) {
    this.connection = connection;
    this.exchange = exchange;
    this.#persistent = persistent;
    exchange.snapshot.uses++;
    countActive(connection.listenerState.series, 1);
    exchange.informant = this;
  }

  /** Whether reading must wait until the content has somewhere to go. */
  get held(): boolean {
    return this.#incoming?.held ?? false;
  }

  /** Handles the request whose head was read; returns where in `buffer` the bytes behind its content begin. */
  start(head: RequestHead, buffer: Buffer, from: number, to: number): number {
    this.#expectsContinue = head.section.expect !== '' && head.minorVersion > 0;
    const next = this.#takeContent(head, buffer, from, to);
    if (this.#answer) return next;
    this.connection.host.handle(this);
    if (!this.#answer) this.watch();
    return next;
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
    this.#answer = new Http1Answer(this, response);
    const { halfClosed, listenerState } = this.connection;
    const goesOn = this.#persistent && !halfClosed && !listenerState.draining;
    this.#answer.start(goesOn && !this.#mustCloseForContent(response));
    // The rest of the content is no longer due.
    if (this.#incoming) this.watch();
  }

  /** Sends an informational response ahead of the final one. */
  inform(status: number, fields: Fields): void {
    // RFC 9110 15.2: "A server MUST NOT send a 1xx response to an HTTP/1.0 client."
    if (this.exchange.request.version === '1.0' || this.#answer || this.#ended) return;
    if (status === 100) this.#expectsContinue = false;
    this.connection.stream.write(serializeResponseHead(status, '', fields.text, 'none', ''));
  }

  /** Answers a request that is not to be handled. */
  refuse(error: ProxyError): void {
    this.exchange.blame(error);
    this.#persistent = false;
    this.respond(this.connection.host.answer(error, this.exchange));
  }

  /** Takes bytes of the content; returns how many there were of it. */
  receive(bytes: Buffer, mayKeep: boolean): number {
    const incoming = this.#incoming;
    if (!incoming || incoming.complete) return 0;
    const consumed = incoming.receive(bytes, mayKeep);
    this.watch();
    return consumed;
  }

  drained(): void {
    this.#answer?.drained();
  }

  /** The client has sent FIN. */
  clientEnded(): void {
    this.#persistent = false;
    if (this.#answered) {
      this.#leave(false);
    } else if (this.#incoming && !this.#incoming.complete) {
      this.fail(new ProxyError('client-closed', 'the content is incomplete'));
    } else {
      this.watch();
    }
  }

  /** Ends the exchange without a (whole) response. */
  fail(error: ProxyError): void {
    if (this.#ended) return;
    if (this.#answered) {
      this.#leave(false);
      return;
    }
    this.#giveUp(error);
    this.#answer?.cancel(error);
    this.#finish();
    this.connection.exchangeBroken();
  }

  onDeadline(): void {
    if (this.#answered) this.#leave(false);
    else if (this.#answer?.waiting) this.fail(new ProxyError('client-stalled'));
    else if (this.#incoming && !this.#incoming.complete) this.#reject(new ProxyError('request-body-timeout'));
    else this.#probe();
  }

  /** Sets the deadline that fits what the exchange waits for; called whenever that changes. */
  watch(): void {
    if (this.#ended) return;
    const { deadlines } = this.connection.host;
    const { settings } = this.connection.listenerState;
    const incoming = this.#incoming;
    if (this.#answer?.waiting) deadlines.set(this, settings.sendTimeoutMs);
    else if (incoming && !incoming.complete && !incoming.held && this.#isContentDue)
      deadlines.set(this, settings.bodyTimeoutMs);
    else if (this.connection.halfClosed && !this.#answer) deadlines.set(this, PROBE_AFTER_MS);
    else deadlines.clear(this);
  }

  /** Once a response flows, both sides may be silent for as long as the endpoint may: a stream both ways has no turn to take. */
  get #isContentDue(): boolean {
    return this.#answer === undefined || this.#answered;
  }

  /** Called by the answer when all of it has been written. */
  answered(keepAlive: boolean): void {
    const incoming = this.#incoming;
    const unread = incoming !== undefined && !incoming.complete;
    if (keepAlive && unread && this.#dropping) {
      // The client was told that the connection stays: it does so behind the rest of the content.
      this.#answered = true;
      this.watch();
      return;
    }
    this.#leave(keepAlive && !unread);
  }

  /** Gives the connection back. */
  #leave(keepAlive: boolean): void {
    const incoming = this.#incoming;
    this.#finish();
    if (incoming && !incoming.complete)
      incoming.cancel(new ProxyError('client-closed', 'the response came before the end of the content'));
    this.connection.exchangeEnded(keepAlive);
  }

  /** Called by the answer when the tunnel it opened is closed. */
  tunnelEnded(): void {
    this.#finish();
    this.connection.tunnelEnded();
  }

  // What the incoming body tells.

  bodyEnded(): void {
    if (this.#answered) this.#leave(true);
    else this.watch();
  }

  bodyHeld(): void {
    this.watch();
  }

  bodyCancelled(): void {
    this.watch();
  }

  bodyRefused(error: unknown): void {
    if (this.#answered) this.#leave(false);
    else this.#reject(refusal(error));
  }

  /** Gives the request its body. */
  #takeContent(head: RequestHead, buffer: Buffer, from: number, to: number): number {
    if (head.framing === 'none') return from;
    const length = head.section.contentLength;
    const { request } = this.exchange;
    if (head.framing === 'length' && length <= MAX_FIXED_BYTES && to - from >= length) {
      request.body = fixedBody(buffer.toString('latin1', from, from + length));
      this.exchange.bytesReceived = length;
      return from + length;
    }
    const { stream, listenerState } = this.connection;
    const { maxHeadBytes, maxFields, maxBodyBytes } = listenerState.settings;
    const type = head.framing === 'chunked' ? 'chunked' : 'length';
    const incoming = new IncomingBody(
      stream,
      {
        type,
        length,
        maxTrailerBytes: maxHeadBytes,
        maxTrailers: maxFields,
        maxBytes: maxBodyBytes > 0 ? maxBodyBytes : Number.POSITIVE_INFINITY,
        readAheadBytes: 0,
      },
      this,
    );
    this.#incoming = incoming;
    request.body = incoming;
    stream.relaying = true;
    return from === to ? to : from + this.receive(buffer.subarray(from, to), false);
  }

  /** Whether the content that is still to come is too much, or too uncertain, to be read and dropped. */
  #mustCloseForContent(response: Response): boolean {
    const incoming = this.#incoming;
    if (!incoming || incoming.complete) return false;
    // Somebody reads it: content on both sides may go on, but an answer that is whole ends the exchange.
    if (incoming.started) return response.body?.type !== 'stream';
    const { length } = this.exchange.request;
    if (this.#expectsContinue || length === UNKNOWN_LENGTH || length > MAX_DRAINED_BYTES) return true;
    this.#dropping = true;
    incoming.pipe({ chunk: () => true, end() {}, abort() {} });
    return false;
  }

  /**
   * Finds out whether a client that sent FIN still listens: one that is gone answers with a reset, and one that waits for
   * its response passes over an informational one (RFC 9110 15.2).
   */
  #probe(): void {
    if (this.#answer || this.exchange.request.version === '1.0') return;
    this.connection.stream.write('HTTP/1.1 100 Continue\r\n\r\n');
    this.connection.host.deadlines.set(this, PROBE_AFTER_MS * 10);
  }

  /** The content cannot go on: whoever reads it fails, and with it the exchange. */
  #reject(error: ProxyError): void {
    if (this.#ended) return;
    if (this.#answer) {
      this.fail(error);
      return;
    }
    this.#persistent = false;
    this.#giveUp(error);
    this.respond(this.connection.host.answer(error, this.exchange));
  }

  #giveUp(error: ProxyError): void {
    this.#isGivenUp = true;
    this.exchange.abort(error);
    this.#incoming?.abort(error);
    this.#isGivenUp = false;
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { exchange, connection } = this;
    if (this.#incoming) exchange.bytesReceived = this.#incoming.received;
    if (this.#answer) exchange.bytesSent = this.#answer.sent;
    if (exchange.status === 0) exchange.status = exchange.error?.status ?? 499;
    connection.host.deadlines.clear(this);
    connection.stream.relaying = false;
    exchange.snapshot.uses--;
    countActive(connection.listenerState.series, -1);
    exchange.end();
    connection.host.record(exchange, connection.listenerState.series);
  }
}
