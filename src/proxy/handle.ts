// The way of a request from the listener on: normalise, find the route, run its chain; whatever goes wrong becomes an answer.
import { Fields } from '#http/fields.ts';
import { describeError, type Log } from '#lib/log.ts';
import type { LoopDelay } from '#lib/loop-delay.ts';
import type { ResponseReceiver } from '#listener/listener-host.ts';
import type { Exchange } from '#model/exchange.ts';
import { isPending, type ResponseOrPending } from '#model/handler.ts';
import type { Response } from '#model/message.ts';
import { PendingResponse, type ResponseTaker } from '#model/pending-response.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { answerError } from './answer.ts';
import type { ChallengeAnswers } from './challenge-answers.ts';
import { answerMaxForwards, prepareRequest, responseFields } from './forwarding.ts';
import { shed } from './shedding.ts';

/** Sees to a response for an exchange; never throws. */
export type Handle = (receiver: ResponseReceiver) => void;

/** Returns the function that every listener calls. */
export function createHandle(log: Log, delay: LoopDelay, challenges: ChallengeAnswers): Handle {
  return (receiver) => {
    const { exchange } = receiver;
    let response: ResponseOrPending;
    try {
      response = route(exchange, delay, challenges);
    } catch (error) {
      receiver.respond(answerFailure(exchange, error, log));
      return;
    }
    const delivery = new Delivery(receiver, log);
    if (response instanceof PendingResponse) {
      response.deliver(delivery);
    } else if (isPending(response)) {
      response.then(
        (result) => delivery.responded(result),
        (error) => delivery.failed(error),
      );
    } else {
      delivery.responded(response);
    }
  };
}

/** Hands what becomes of an exchange to whoever waits for it. */
class Delivery implements ResponseTaker {
  readonly #receiver: ResponseReceiver;
  readonly #log: Log;

  constructor(receiver: ResponseReceiver, log: Log) {
    this.#receiver = receiver;
    this.#log = log;
  }

  responded(response: Response): void {
    responseFields(this.#receiver.exchange, response);
    this.#receiver.respond(response);
  }

  failed(error: unknown): void {
    this.#receiver.respond(answerFailure(this.#receiver.exchange, error, this.#log));
  }
}

/** The answer to `error`, which is kept for the access record; what is not a `ProxyError` is a fault of ours and logged. */
export function answerFailure(exchange: Exchange, error: unknown, log: Log): Response {
  const known =
    error instanceof ProxyError ? error : new ProxyError('proxy_internal_error', undefined, { cause: error });
  if (known.code === 'proxy_internal_error') {
    log.error('an exchange failed inside the gateway', {
      route: exchange.route?.name,
      error: describeError(known.cause ?? known),
    });
  }
  exchange.blame(known);
  return answerError(known, exchange);
}

function route(exchange: Exchange, delay: LoopDelay, challenges: ChallengeAnswers): ResponseOrPending {
  const { request, snapshot } = exchange;
  if (exchange.passage) return passThrough(exchange);
  prepareRequest(exchange);
  if (request.path === '*') return answerServerOptions();
  const answer = answerMaxForwards(exchange) ?? challenges.answer(exchange);
  if (answer) return answer;
  const found = snapshot.router.match(request, exchange.clientAddress);
  if (!found) throw noRoute(exchange);
  exchange.route = found.route;
  exchange.priority = found.route.priority;
  exchange.pathParameters = found.parameters;
  for (const arrive of found.route.arrivals) arrive(exchange);
  shed(exchange, delay);
  exchange.phase = 'policies';
  return found.route.handler(exchange);
}

/** What TCP and UDP listeners pass on as it is. */
function passThrough(exchange: Exchange): ResponseOrPending {
  const handler = exchange.snapshot.passages.get(exchange.connection.listener);
  if (!handler) throw new ProxyError('no-route', `the listener ${exchange.connection.listener} has no upstream`);
  return handler(exchange);
}

function noRoute(exchange: Exchange): ProxyError {
  const { request, snapshot, clientAddress } = exchange;
  const methods = snapshot.router.allowedMethods(request, clientAddress);
  if (methods.length === 0) return new ProxyError('no-route');
  return new ProxyError('method-not-allowed', undefined, { fields: [['allow', methods.join(', ')]] });
}

/** RFC 9110 9.3.7: OPTIONS * asks about the server in general; it is answered here, as no route can be meant. */
function answerServerOptions(): Response {
  const fields = Fields.from([['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']]);
  return { status: 204, reason: '', fields, length: 0, body: undefined, tunnel: undefined };
}
