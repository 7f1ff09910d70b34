// Tests of how a connection of HTTP/1.1 ends while its listener drains: no request that is on its way then is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import { fixedBody, type StreamBody } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import { MemoryStream } from '#net/testing.ts';
import { DRAIN_GRACE_MS, KEPT_GRACE_MS } from './drain-grace.ts';
import { Http1Connection } from './http1-connection.ts';
import type { ResponseReceiver } from './listener-host.ts';
import { createTestHost, SWEEP_MS, testSettings } from './testing.ts';

const GET = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');

function answerOf(text: string, status = 200): Response {
  const body = fixedBody(Buffer.from(text));
  return { status, reason: '', fields: new Fields(), length: text.length, body, tunnel: undefined };
}

/** Content that comes when the function is called that `ready` is given. */
function contentOf(text: string, ready: (end: () => void) => void): StreamBody {
  return {
    type: 'stream',
    started: false,
    pipe: (sink) =>
      ready(() => {
        sink.chunk(Buffer.from(text));
        sink.end(undefined);
      }),
    resume() {},
    cancel() {},
  };
}

/** A connection whose requests are all answered at once, or handled otherwise. */
function connect(handle = (receiver: ResponseReceiver) => receiver.respond(answerOf('hello'))) {
  const { host, pass } = createTestHost({
    handle,
    answer: (error) => answerOf('', error.status),
    breached: assert.fail,
  });
  const stream = new MemoryStream();
  const settings = testSettings({ headTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000 });
  const state = { name: 'test', settings, series: new Float64Array(64), tls: undefined, draining: false };
  const open = (receiver: MemoryStream['receiver']) => {
    stream.receiver = receiver;
    return stream;
  };
  const connection = new Http1Connection(open, state, host, { onClosed() {}, becomeHttp2: undefined });
  const drain = () => {
    state.draining = true;
    connection.drain();
  };
  return { stream, drain, pass };
}

test('a request that arrives on a kept connection as the listener begins to drain is answered, and is the last', () => {
  const { stream, drain, pass } = connect();
  stream.give(GET);
  assert.doesNotMatch(stream.take().toString(), /connection: close/i);
  drain();
  pass(KEPT_GRACE_MS - 2 * SWEEP_MS);
  assert.equal(stream.hasEnded, false);
  stream.give(GET);
  assert.match(stream.take().toString(), /^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*hello$/is);
  assert.equal(stream.hasEnded, true);
});

test('a kept connection on which nothing comes is closed soon, one that has had no request later', () => {
  const [kept, fresh] = [connect(), connect()];
  kept.stream.give(GET);
  for (const { drain, pass } of [kept, fresh]) {
    drain();
    pass(KEPT_GRACE_MS + 2 * SWEEP_MS);
  }
  assert.deepEqual([kept.stream.hasEnded, fresh.stream.hasEnded], [true, false]);
  fresh.pass(DRAIN_GRACE_MS);
  assert.equal(fresh.stream.hasEnded, true);
});

test('so is the request behind a response that began before the drain, and promised that the connection stays', () => {
  let finish = () => {};
  const { stream, drain } = connect((receiver) => {
    if (receiver.exchange.request.path === '/second') receiver.respond(answerOf('hello'));
    else receiver.respond({ ...answerOf('later'), body: contentOf('later', (end) => (finish = end)) });
  });
  stream.give(GET);
  drain();
  finish();
  assert.match(stream.take().toString(), /^HTTP\/1\.1 200 OK\r\n(?!.*connection: close).*later$/is);
  assert.equal(stream.hasEnded, false);
  stream.give(Buffer.from('GET /second HTTP/1.1\r\nHost: a\r\n\r\n'));
  assert.match(stream.take().toString(), /connection: close\r\n.*hello$/is);
  assert.equal(stream.hasEnded, true);
});
