// How an exchange gets its response. A chain of policies around a last handler is composed once per configuration.
import type { Exchange } from './exchange.ts';
import type { Response } from './message.ts';

/** Answers an exchange, at once or later. Throws or rejects with a `ProxyError` when there is no response. */
export type Handler = (exchange: Exchange) => Response | Promise<Response>;

/** One step around a handler. */
export type Middleware = (next: Handler) => Handler;

/**
 * Applies `change` to the response of `next`, without a promise where there is none.
 */
export function mapResponse(
  response: Response | Promise<Response>,
  change: (response: Response) => Response,
): Response | Promise<Response> {
  return response instanceof Promise ? response.then(change) : change(response);
}
