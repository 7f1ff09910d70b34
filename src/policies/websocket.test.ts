// The policy by itself: which handshakes it looks at, and what it makes of the answers. Frames are in net/websocket-relay.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteStream } from '#model/byte-stream.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response, Tunnel } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import { acceptFor } from '#wire/websocket/handshake.ts';
import { websocket } from './websocket.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function handshake(fields: Readonly<Record<string, string>> = {}, upgrade = 'websocket'): Exchange {
  const exchange = createTestExchange({
    fields: Object.entries({ 'sec-websocket-version': '13', 'sec-websocket-key': KEY, ...fields }),
  });
  exchange.request.upgrade = upgrade;
  return exchange;
}

/** An answer that switches, and whether its tunnel was given up. */
function switched(fields: Readonly<Record<string, string>> = {}, protocol = 'websocket') {
  let isDone = false;
  let isAborted = false;
  const abort = () => {
    isAborted = true;
  };
  const tunnel: Tunnel = {
    protocol,
    stream: { abort } as unknown as ByteStream,
    early: new Uint8Array(0),
    idleTimeoutMs: 1000,
    done: () => {
      isDone = true;
    },
  };
  const response: Response = { ...createTestResponse(101, ''), tunnel };
  for (const [name, value] of Object.entries({ 'sec-websocket-accept': acceptFor(KEY), ...fields }))
    response.fields.set(name, value);
  return { response, isGivenUp: () => isDone && isAborted };
}

/** The response through the policy with these options. */
function run(options: Record<string, unknown>, exchange: Exchange, response: Response): Response {
  const policy = websocket.create(websocket.options.parse(options), createTestHost());
  return policy(() => response)(exchange) as Response;
}

test('a WebSocket is looked at under the rules of the policy', () => {
  const options = { 'max-message': '1KiB', ping: { interval: '10s', sides: 'client' }, 'frame-rate': '120/m' };
  const { response } = switched();
  const inspection = run(options, handshake(), response).tunnel?.inspection;
  assert.equal(inspection?.compression, false);
  const { random, ...rules } = inspection?.rules ?? { random: Math.random };
  assert.equal(typeof random, 'function');
  assert.deepEqual(rules, {
    maxMessageBytes: 1024,
    maxFrameBytes: 1024,
    idleTimeoutMs: undefined,
    lifetimeMs: 0,
    ping: { intervalMs: 10_000, timeoutMs: 10_000, client: true, endpoint: false },
    frameRate: { perSecond: 2, burst: 2 },
    closeSpreadMs: 5000,
  });
});

test('the tunnel that is looked at ends where the one of the endpoint does', () => {
  const { response, isGivenUp } = switched();
  const { tunnel } = run({}, handshake(), response);
  tunnel?.stream.abort();
  tunnel?.done();
  assert.ok(isGivenUp());
});

test('another protocol passes without being looked at', () => {
  const { response } = switched({}, 'chat/2');
  assert.equal(run({ protocols: ['x'] }, handshake({}, 'chat/2'), response), response);
  const either = switched({}, 'chat/2');
  assert.equal(run({}, handshake({}, 'chat/2, websocket'), either.response), either.response);
});

test('compression is looked for in the answer', () => {
  const offered = { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' };
  const { response } = switched({ 'sec-websocket-extensions': 'permessage-deflate' });
  assert.equal(run({}, handshake(offered), response).tunnel?.inspection?.compression, true);
});

test('a connection whose answer is wrong is given up', () => {
  const { response, isGivenUp } = switched({ 'sec-websocket-protocol': 'nobody-asked' });
  assert.throws(
    () => run({}, handshake(), response),
    (error) => error instanceof ProxyError && error.code === 'http_upgrade_failed',
  );
  assert.ok(isGivenUp());
});

test('what is refused is told as the doing of the policy', () => {
  const exchange = handshake({ origin: 'https://evil.test' });
  assert.throws(() => run({ origins: ['same-host'] }, exchange, createTestResponse()), ProxyError);
  assert.equal(exchange.answeredBy, 'websocket');
});

test('a handshake of HTTP/2 is not asked for a key', () => {
  const exchange = handshake();
  exchange.request.version = '2';
  exchange.request.fields.delete('sec-websocket-key');
  const { response } = switched();
  assert.ok(run({}, exchange, response).tunnel?.inspection);
});
