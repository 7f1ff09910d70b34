// What forwarding does for a call of gRPC beside all that it does for any request: keeps its deadline, tells endpoints what is left of
// it, and sees how the call ends, which is told in a head or in trailers.
import { withoutLines } from '#http/field-lines.ts';
import type { Timers } from '#lib/timers.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import { type FilteredBody, filterBody } from '#model/body-filter.ts';
import type { Exchange } from '#model/exchange.ts';
import { type GrpcCall, grpcStatusOfError } from '#model/grpc-call.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { GRPC_STATUS, parseGrpcStatus } from '#wire/grpc/status.ts';
import { formatGrpcTimeout, parseGrpcTimeout } from '#wire/grpc/timeout.ts';
import { grpcTrailers } from './grpc-answer.ts';
import { equivalentStatus, statusInHead } from './grpc-status.ts';
import type { Judged } from './outcome.ts';

/** Longer than any timer runs: such a deadline is told to endpoints, and kept by nobody here. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const TIMEOUT = 'grpc-timeout';
const PREVIOUS_ATTEMPTS = 'grpc-previous-rpc-attempts';

export class GrpcForwarding {
  readonly #exchange: Exchange;
  readonly #call: GrpcCall;
  /** Field lines for the endpoint without those that change from attempt to attempt. */
  #lines: string | undefined = undefined;
  #previousAttempts = 0;
  /** Whether the deadline is one that the client has not asked for. */
  #isCut = false;
  /** Content of the response, as long as it is to tell how the call ends. */
  #content: FilteredBody | undefined = undefined;
  #clearTimer: (() => void) | undefined = undefined;

  constructor(exchange: Exchange, call: GrpcCall) {
    this.#exchange = exchange;
    this.#call = call;
  }

  /** Sets the deadline: what the client asks for, but no more than `maxMs`. Throws a `ProxyError` when it has passed already. */
  begin(maxMs: number, timers: Timers): void {
    const exchange = this.#exchange;
    const { fields } = exchange.request;
    const asked = parseGrpcTimeout(fields.get(TIMEOUT) ?? '') ?? Number.POSITIVE_INFINITY;
    this.#previousAttempts = readCount(fields.get(PREVIOUS_ATTEMPTS));
    this.#isCut = maxMs < asked;
    this.#call.deadlineAt = exchange.startedAt + Math.min(asked, maxMs);
    const leftMs = this.#leftMs;
    if (leftMs <= 0) throw this.#late();
    if (leftMs > MAX_TIMER_MS) return;
    this.#clearTimer = timers.set(() => this.#expire(), leftMs);
    exchange.onEnd(() => this.#clearTimer?.());
  }

  /** Tells the endpoint of the next attempt how much time is left, and how many attempts there were, `made` of them here. */
  prepareAttempt(made: number): void {
    const leftMs = this.#leftMs;
    if (made === 0 && leftMs === Number.POSITIVE_INFINITY) return;
    const exchange = this.#exchange;
    this.#lines ??= withoutLines(exchange.forwardLines, (name) => name === TIMEOUT || name === PREVIOUS_ATTEMPTS);
    const previous = this.#previousAttempts + made;
    let lines = '';
    if (leftMs !== Number.POSITIVE_INFINITY) lines += `${TIMEOUT}: ${formatGrpcTimeout(leftMs)}\r\n`;
    if (previous > 0) lines += `${PREVIOUS_ATTEMPTS}: ${previous}\r\n`;
    exchange.forwardLines = lines + this.#lines;
  }

  /** What the head of a response says of its endpoint; `undefined` when the trailers will tell. */
  judge(response: Response): Judged | undefined {
    if (!response.fields.has('grpc-status')) return response.status === 200 ? undefined : response;
    return { status: equivalentStatus(statusInHead(response) as number), body: response.body };
  }

  /** The response is the one that the client gets. `ended` is told what trailers say of the endpoint, unless its content breaks off. */
  watch(response: Response, ended: (judged: Judged) => void): void {
    const status = statusInHead(response);
    if (status !== undefined) {
      this.#settle(status);
      return;
    }
    const { body } = response;
    if (body?.type !== 'stream') {
      this.#settle(GRPC_STATUS.unknown);
      ended({ status: equivalentStatus(GRPC_STATUS.unknown), body });
      return;
    }
    // Trailers can stand for what is missing only where a client reads trailers, and nobody has announced how much there would be.
    const isMendable = this.#exchange.request.acceptsTrailers && response.length === UNKNOWN_LENGTH;
    this.#content = filterBody(body, {
      chunk: (bytes) => bytes,
      end: (trailers) => {
        const status = parseGrpcStatus(trailers?.get('grpc-status') ?? '');
        this.#settle(status);
        ended({ status: equivalentStatus(status), body: undefined });
        return { bytes: undefined, trailers };
      },
      abort: (error) => {
        this.#settle(grpcStatusOfError(error));
        if (!isMendable) return undefined;
        this.#exchange.blame(error);
        return { bytes: undefined, trailers: grpcTrailers(error) };
      },
    });
    response.body = this.#content;
  }

  get #leftMs(): number {
    return this.#call.deadlineAt - this.#exchange.clock.now();
  }

  #settle(status: number): void {
    this.#call.status = status;
    this.#clearTimer?.();
  }

  #late(): ProxyError {
    return this.#isCut
      ? new ProxyError('call-too-long', 'the call has lasted for grpc.max-timeout')
      : new ProxyError('deadline-exceeded');
  }

  /** PROTOCOL-HTTP2: "The RPC's deadline expiring is considered a client cancellation." */
  #expire(): void {
    const error = this.#late();
    if (this.#content) this.#content.breakOff(error);
    else this.#exchange.abort(error);
  }
}

function readCount(value: string | undefined): number {
  return value !== undefined && /^[0-9]{1,6}$/.test(value) ? Number(value) : 0;
}
