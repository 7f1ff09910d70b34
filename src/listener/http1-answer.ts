// Writes one response on a client connection, whatever kind of content it has, and tells when that is done.
import { formatHttpDate } from '#http/date.ts';
import { withoutTouched } from '#http/trailers.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { openTunnel } from '#net/open-tunnel.ts';
import { OutgoingBody } from '#net/outgoing-body.ts';
import type { Http1Exchange } from './http1-exchange.ts';
import { hasNoContent, responseFraming, responseHead, switchingHead } from './http1-response.ts';

export class Http1Answer {
  /** Octets of content written so far. */
  sent = 0;
  /** Whether the client is slow to take what was written. */
  waiting = false;
  readonly #owner: Http1Exchange;
  readonly #response: Response;
  #outgoing: OutgoingBody | undefined = undefined;
  #keepAlive = true;
  /** Whether all has been written but not all has gone out. */
  #flushing = false;

  constructor(owner: Http1Exchange, response: Response) {
    this.#owner = owner;
    this.#response = response;
  }

  get #exchange() {
    return this.#owner.exchange;
  }

  get #connection() {
    return this.#owner.connection;
  }

  /** Writes the head, and with it as much of the content as there is. */
  start(keepAlive: boolean): void {
    const { request } = this.#exchange;
    const response = this.#response;
    this.#exchange.status = response.status;
    this.#exchange.phase = 'response';
    if (response.tunnel) {
      this.#startTunnel(response.tunnel);
      return;
    }
    // RFC 9110 6.6.1: "An origin server with a clock […] MUST generate a Date"; for our own answers, that is us.
    if (this.#exchange.firstByteMs < 0 && !response.fields.has('date')) {
      response.fields.append('date', formatHttpDate(this.#exchange.clock.wall()));
    }
    const framing = responseFraming(request, response);
    this.#keepAlive = keepAlive && framing !== 'close';
    const head = responseHead(request, response, framing === 'close' ? 'none' : framing, this.#keepAlive);
    const { body } = response;
    if (body === undefined || hasNoContent(request, response)) {
      if (body?.type === 'stream') body.cancel(new ProxyError('client-closed', 'the response has no content'));
      this.#written(this.#connection.stream.write(head));
    } else if (body.type === 'stream') {
      this.#startStream(body, head, framing === 'chunked');
    } else {
      const { content } = body;
      this.sent = content.length;
      this.#written(this.#connection.stream.writeParts(head, content, ''));
    }
  }

  drained(): void {
    this.waiting = false;
    if (this.#flushing) this.#done();
    else this.#outgoing?.drained();
  }

  /** The client is gone or given up: takes no more content. */
  cancel(error: ProxyError): void {
    if (this.#outgoing) {
      this.sent = this.#outgoing.sent;
      this.#outgoing.cancel(error);
    }
  }

  bodyProgress(waiting: boolean): void {
    this.waiting = waiting;
    this.#owner.watch();
  }

  bodySent(flowing: boolean): void {
    this.sent = this.#outgoing?.sent ?? 0;
    this.#outgoing = undefined;
    this.#written(flowing);
  }

  bodyFailed(error: ProxyError): void {
    this.sent = this.#outgoing?.sent ?? 0;
    this.#outgoing = undefined;
    // The client has part of the content; only the end of the connection can tell it that the rest is missing.
    this.#owner.fail(error);
  }

  #startStream(body: Extract<Response['body'], { type: 'stream' }>, head: string, chunked: boolean): void {
    const { request } = this.#exchange;
    const { fields } = this.#response;
    this.#outgoing = new OutgoingBody(this.#connection.stream, body, this, {
      length: this.#response.length,
      chunked,
      trailers: chunked && request.acceptsTrailers ? (trailers) => withoutTouched(trailers, fields) : undefined,
      head,
    });
    this.#outgoing.start();
  }

  #written(flowing: boolean): void {
    if (flowing) {
      this.#done();
      return;
    }
    this.#flushing = true;
    this.waiting = true;
    this.#owner.watch();
  }

  #done(): void {
    this.#exchange.phase = 'done';
    this.#owner.answered(this.#keepAlive);
  }

  #startTunnel(tunnel: Tunnel): void {
    const connection = this.#connection;
    const { stream, halfClosed, listenerState } = connection;
    stream.write(switchingHead(this.#response, tunnel.protocol));
    const client = {
      stream,
      early: connection.becomeTunnel(),
      halfClosed,
      tunnelEnded: (bytesSent: number) => {
        this.sent = bytesSent;
        this.#owner.tunnelEnded();
      },
    };
    connection.tunnel = openTunnel(this.#exchange, client, tunnel, connection.host);
    if (listenerState.draining) connection.tunnel.drain();
  }
}
