// The way of a request from the listener on: normalise, find the route, run its chain; whatever goes wrong becomes an answer.
import { Fields } from '#http/fields.ts';
import { describeError, type Log } from '#lib/log.ts';
import type { LoopDelay } from '#lib/loop-delay.ts';
import type { ResponseReceiver } from '#listener/listener-host.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
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
    let response: Response | Promise<Response>;
    try {
      response = route(exchange, delay, challenges);
    } catch (error) {
      receiver.respond(answerFailure(exchange, error, log), true);
      return;
    }
    if (!(response instanceof Promise)) {
      receiver.respond(finish(exchange, response), true);
      return;
    }
    response.then(
      (result) => receiver.respond(finish(exchange, result), false),
      (error) => receiver.respond(answerFailure(exchange, error, log), false),
    );
  };
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

function route(exchange: Exchange, delay: LoopDelay, challenges: ChallengeAnswers): Response | Promise<Response> {
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
  shed(exchange, delay);
  exchange.phase = 'policies';
  return found.route.handler(exchange);
}

/** What TCP and UDP listeners pass on as it is. */
function passThrough(exchange: Exchange): Response | Promise<Response> {
  const handler = exchange.snapshot.passages.get(exchange.connection.listener);
  if (!handler) throw new ProxyError('no-route', `the listener ${exchange.connection.listener} has no upstream`);
  return handler(exchange);
}

function finish(exchange: Exchange, response: Response): Response {
  responseFields(exchange, response);
  return response;
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
