// Tests of how a connection of HTTP/1.1 ends while its listener drains: no request that is on its way then is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { TurnEnd } from '#lib/turn-end.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { fixedBody, type StreamBody } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import { createTestExchange } from '#model/testing.ts';
import { Departures } from '#net/departures.ts';
import { MemoryStream } from '#net/testing.ts';
import { ChallengeAcceptors } from './challenge-acceptors.ts';
import { DRAIN_GRACE_MS, KEPT_GRACE_MS } from './drain-grace.ts';
import { Http1Connection } from './http1-connection.ts';
import type { ListenerHost, ResponseReceiver } from './listener-host.ts';
import { testSettings } from './testing.ts';
import { WantedCertificates } from './wanted-certificates.ts';

const SWEEP_MS = 50;
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
  const clock = new ManualClock();
  const table = KeyedTable.create(64, [1, 2]);
  const { snapshot } = createTestExchange();
  const host: ListenerHost = {
    clock,
    deadlines: new Deadlines(clock, SWEEP_MS),
    departures: new Departures(new Deadlines(clock, SWEEP_MS), () => undefined),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    turnEnd: new TurnEnd(),
    breached: assert.fail,
    challenges: new ChallengeAcceptors(),
    wanted: new WantedCertificates(clock, () => {}),
    buckets: () => table,
    snapshot: () => snapshot,
    handle,
    answer: (error) => answerOf('', error.status),
    record() {},
  };
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
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += SWEEP_MS) {
      clock.advance(SWEEP_MS);
      host.deadlines.sweep();
    }
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
