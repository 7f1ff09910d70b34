// How an exchange gets its response. A chain of policies around a last handler is composed once per configuration.
import type { Exchange } from './exchange.ts';
import type { Response } from './message.ts';
import { PendingResponse } from './pending-response.ts';

/** A response, or one that is to come: a promise, or where it matters what it costs a `PendingResponse`. */
export type ResponseOrPending = Response | PromiseLike<Response>;

/** Answers an exchange, at once or later. Throws or rejects with a `ProxyError` when there is no response. */
export type Handler = (exchange: Exchange) => ResponseOrPending;

/** Prepares an exchange for what may become of it; never refuses it. */
export type Arrival = (exchange: Exchange) => void;

/** One step around a handler. */
export type Middleware = (next: Handler) => Handler;

/** Applies `change` to the response of `next`, at once where it is there. */
export function mapResponse(response: ResponseOrPending, change: (response: Response) => Response): ResponseOrPending {
  if (response instanceof PendingResponse) return response.map(change);
  return isPending(response) ? response.then(change) : change(response);
}

/** Whether the response is still to come. */
export function isPending(response: ResponseOrPending): response is PromiseLike<Response> {
  return 'then' in response;
}
