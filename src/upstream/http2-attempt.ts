// One try to get a response from one endpoint over HTTP/2: waits for a connection, has a stream on it, ends exactly once.
import type { Deadlined, DeadlineEntry } from '#lib/deadlines.ts';
import { fixedBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import { Http2Content, type Http2ContentOwner } from '#net/http2-content.ts';
import type { ResponseOwner } from '#wire/http2/client-session.ts';
import type { ErrorName } from '#wire/http2/protocol.ts';
import type { ResponseFields } from '#wire/http2/response-fields.ts';
import type { Http2Stream, StreamLoss } from '#wire/http2/stream.ts';
import { contentIdleMs } from './content-idle.ts';
import type { Http2Connection } from './http2-connection.ts';
import { listSizeError } from './http2-list-size.ts';
import { type AwaitedConnection, incompleteError, lossError, timeoutError, waitError } from './http2-loss.ts';
import type { Http2Pool } from './http2-pool.ts';
import { asksForTunnel, requestStart } from './http2-request.ts';
import { Http2RequestContent, type RequestContentOwner, sendFixed } from './http2-request-content.ts';
import { toFields, toHttp2Response, wholeLength } from './http2-response.ts';
import { tunnelResponse } from './http2-tunnel.ts';
import { MAX_INFORMATIONAL } from './response-reader.ts';

/** Content that came in one read with its head and is no larger is passed on as a string, in one write with the new head. */
const MAX_FIXED_BYTES = 16384;

export class Http2Attempt implements Attempt, ResponseOwner, Deadlined, Http2ContentOwner, RequestContentOwner {
  deadline: DeadlineEntry | undefined = undefined;
  /** Who stands beside it in the queue of the pool. */
  before: Http2Attempt | undefined = undefined;
  behind: Http2Attempt | undefined = undefined;
  readonly exchange: Exchange;
  readonly upstream: Upstream;
  readonly endpoint: Endpoint;
  readonly listener: AttemptListener;
  /** What it waits for in the pool. */
  awaits: AwaitedConnection | undefined = undefined;
  readonly #pool: Http2Pool;
  /** As long as it has a stream there. */
  #connection: Http2Connection | undefined = undefined;
  #stream: Http2Stream | undefined = undefined;
  /** Streaming content of the request, until all of it is sent. */
  #content: Http2RequestContent | undefined = undefined;
  /** The final response, while it may still come out whole of the present read. */
  #held: Response | undefined = undefined;
  /** Its content so far. */
  #early = '';
  #incoming: Http2Content | undefined = undefined;
  /** How long that may stand still. */
  #contentIdleMs = 0;
  /** Whether a response was given whose content streams. */
  #streams = false;
  #isTunnel = false;
  #informational = 0;
  #answered = false;
  #ended = false;
  /** Who goes on with it, over HTTP/1.1. */
  #successor: Attempt | undefined = undefined;

  constructor(exchange: Exchange, upstream: Upstream, endpoint: Endpoint, pool: Http2Pool, listener: AttemptListener) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.endpoint = endpoint;
    this.#pool = pool;
    this.listener = listener;
    endpoint.cells.begin();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get waits(): boolean {
    return this.#successor ? this.#successor.waits === true : this.awaits === 'turn';
  }

  /** Waits in the pool from now on. */
  wait(awaits: AwaitedConnection): void {
    const { timeouts, pool } = this.upstream;
    this.awaits = awaits;
    if (awaits === 'opening') this.exchange.phase = 'connect';
    this.#pool.host.deadlines.set(this, awaits === 'opening' ? timeouts.connectMs : pool.waitTimeoutMs);
  }

  /** Sends the request. */
  start(connection: Http2Connection): void {
    const { exchange, upstream } = this;
    const { body } = exchange.request;
    this.awaits = undefined;
    const start = requestStart(this, connection);
    const refusal = listSizeError(start, connection.maxListBytes);
    if (refusal) {
      this.fail(refusal);
      return;
    }
    this.#connection = connection;
    this.#isTunnel = asksForTunnel(this, connection);
    exchange.phase = 'request';
    this.#pool.host.deadlines.set(this, upstream.timeouts.firstByteMs);
    const hasContent = body !== undefined && !this.#isTunnel;
    const stream = connection.request(start, !hasContent && !this.#isTunnel, this);
    this.#stream = stream;
    if (body?.type === 'stream' && hasContent) {
      this.#content = new Http2RequestContent(stream, body, exchange.request, this);
      this.#pool.host.deadlines.clear(this);
      this.#moved(false);
      this.#content.start();
    } else {
      exchange.phase = 'response-head';
      if (body?.type === 'fixed' && hasContent) sendFixed(stream, body.content);
    }
  }

  /** Leaves the rest to another attempt, which was made of it; it must have no stream yet. */
  handOver(successor: Attempt): void {
    this.#ended = true;
    this.endpoint.cells.end();
    this.#pool.host.deadlines.clear(this);
    this.#successor = successor;
  }

  /** There will be no response. */
  fail(error: ProxyError): void {
    this.#content?.cancel(error);
    this.#incoming?.abort(error);
    this.#end(error);
    if (this.#answered) return;
    this.#answered = true;
    this.listener.failed(error);
  }

  cancel(error: ProxyError): void {
    this.#successor?.cancel(error);
    if (this.#ended) return;
    this.#answered = true;
    this.#content?.cancel(error);
    this.#leaveStream('CANCEL');
    this.#end(undefined);
  }

  onDeadline(): void {
    if (this.awaits !== undefined) {
      this.fail(waitError(this.awaits));
      return;
    }
    if (!this.#answered && this.#endpointTakes()) {
      this.#pool.host.deadlines.set(this, this.upstream.timeouts.idleMs);
      return;
    }
    const connection = this.#connection;
    this.#leaveStream('CANCEL');
    this.fail(timeoutError(this.#answered, this.#content !== undefined));
    // It may be that nothing comes any more on the whole connection.
    connection?.suspect();
  }

  /** What has come in one read has been passed on: a response that is not whole by now streams. */
  settle(): void {
    if (this.#held) this.#streamContent(this.#held);
  }

  // What the stream tells.

  receiveHead(head: ResponseFields): void {
    const stream = this.#stream as Http2Stream;
    const connection = this.#connection;
    if (!connection) return;
    if (head.status < 200) {
      this.#inform(head);
      return;
    }
    connection.isProven = true;
    const wallMs = this.#pool.host.clock.wall();
    if (this.#isTunnel && head.status < 300) {
      this.#openTunnel(head, connection, stream);
      return;
    }
    this.#held = toHttp2Response(head, this.exchange.request.method, wallMs, stream.remoteEnded);
    if (!stream.remoteEnded) connection.holds(this);
  }

  receiveData(bytes: Buffer): void {
    if (this.#held && this.#early.length + bytes.length <= MAX_FIXED_BYTES) {
      this.#early += bytes.toString('latin1');
      return;
    }
    if (this.#held) this.#streamContent(this.#held);
    if (this.#incoming) this.#incoming.receive(bytes);
    else this.#stream?.consumed(bytes.length);
  }

  receiveEnd(trailers: string, neverIndexed?: ReadonlySet<string>): void {
    const response = this.#held;
    const incoming = this.#incoming;
    if (response && trailers !== '') {
      this.#streamContent(response);
      this.receiveEnd(trailers, neverIndexed);
      return;
    }
    this.#cutRequest();
    if (incoming) {
      this.#leaveStream('CANCEL');
      incoming.end(trailers, neverIndexed);
    } else if (response) {
      this.#held = undefined;
      this.#takeWhole(response);
    }
  }

  lost(loss: StreamLoss): void {
    const connection = this.#connection as Http2Connection;
    const isAnswered = this.#answered || this.#held !== undefined;
    const id = this.#stream?.id ?? 0;
    this.#held = undefined;
    this.#leaveStream(undefined);
    this.fail(isAnswered ? incompleteError(loss) : lossError({ id, loss, connection }, this.#pool, this.exchange));
  }

  sent(): void {
    this.#content?.flushed();
  }

  // What the content of the response tells.

  contentEnded(): void {
    this.#end(undefined);
  }

  /** While content of the response is to come: the endpoint has so long for the next of it, unless the client is slow to take it. */
  contentMoved(): void {
    const incoming = this.#incoming;
    if (!incoming || this.#ended) return;
    const { deadlines } = this.#pool.host;
    if (incoming.held || incoming.complete) deadlines.clear(this);
    else deadlines.set(this, this.#contentIdleMs);
  }

  contentCancelled(error: ProxyError): void {
    this.#content?.cancel(error);
    this.#leaveStream('CANCEL');
    this.#end(undefined);
  }

  /** Never: it may be of any size. */
  contentRefused(): void {}

  // What the content of the request tells.

  requestProgress(waiting: boolean): void {
    if (this.#answered) {
      this.contentMoved();
      return;
    }
    this.#moved(waiting);
    const { deadlines } = this.#pool.host;
    if (!waiting) {
      deadlines.clear(this);
      return;
    }
    this.#endpointTakes();
    deadlines.set(this, this.upstream.timeouts.idleMs);
  }

  /** Whether the endpoint has taken some of the request since the last look. */
  #endpointTakes(): boolean {
    return this.#content?.endpointTakes(this.#connection?.session.queue.octets ?? 0) ?? false;
  }

  requestSent(): void {
    this.#content = undefined;
    if (this.#answered) return;
    this.exchange.phase = 'response-head';
    this.#moved(true);
    this.#pool.host.deadlines.set(this, this.upstream.timeouts.firstByteMs);
  }

  requestFailed(error: ProxyError): void {
    this.#content = undefined;
    this.#leaveStream('CANCEL');
    this.fail(error);
  }

  #inform(head: ResponseFields): void {
    if (++this.#informational > MAX_INFORMATIONAL) {
      this.#leaveStream('PROTOCOL_ERROR');
      this.fail(new ProxyError('http_protocol_error', 'too many informational responses'));
      return;
    }
    this.exchange.informant?.inform(head.status, toFields(head, head.text));
  }

  /** See `AttemptListener.requestMoved`. */
  #moved(isDue: boolean): void {
    if (!this.#answered) this.listener.requestMoved(isDue);
  }

  #respond(response: Response): void {
    if (this.#answered) return;
    this.#answered = true;
    this.listener.responded(response);
  }

  /** The response has come with all its content. */
  #takeWhole(response: Response): void {
    if (this.#early !== '') {
      this.#stream?.consumed(this.#early.length);
      response.body = fixedBody(this.#early);
      response.length = this.#early.length;
    }
    response.length = wholeLength(response, this.exchange.request.method);
    this.#leaveStream('CANCEL');
    this.#end(undefined);
    this.#respond(response);
  }

  #streamContent(response: Response): void {
    const stream = this.#stream as Http2Stream;
    this.#held = undefined;
    this.#contentIdleMs = contentIdleMs(this.upstream, response);
    const incoming = new Http2Content(stream, this, Number.POSITIVE_INFINITY);
    this.#incoming = incoming;
    if (this.#early !== '') incoming.receive(Buffer.from(this.#early, 'latin1'));
    response.body = incoming;
    this.#streams = true;
    this.#respond(response);
    this.contentMoved();
  }

  /** RFC 8441 5: the stream is what an upgraded connection is with HTTP/1.1. */
  #openTunnel(head: ResponseFields, connection: Http2Connection, stream: Http2Stream): void {
    this.#pool.host.deadlines.clear(this);
    const done = () => {
      this.#leaveStream('CANCEL');
      this.#end(undefined);
    };
    this.#respond(tunnelResponse(this, head, { stream, connection, wallMs: this.#pool.host.clock.wall(), done }));
  }

  /** The response is complete: what is still to be sent of the request would only be thrown away. */
  #cutRequest(): void {
    this.#content?.cancel(new ProxyError('connection_terminated', 'the answer came ahead of the whole request'));
    this.#content = undefined;
  }

  /** Makes room on the connection; the stream is ended with `code` if it is still open. */
  #leaveStream(code: ErrorName | undefined): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    this.#pool.host.deadlines.clear(this);
    if (code) this.#stream?.reset(code);
    connection.streamEnded();
  }

  #end(error: ProxyError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pool.host.deadlines.clear(this);
    if (this.awaits !== undefined) this.#pool.withdraw(this);
    this.endpoint.cells.end();
    if (this.#streams) this.listener.contentEnded(error);
  }
}
