// What forwarding does for a call of gRPC: its deadline, the lines for each attempt, and how its end is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import { ManualClock } from '#lib/clock.ts';
import { ManualTimers } from '#lib/manual-timers.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestResponse } from '#model/testing.ts';
import type { Judged } from '#proxy/outcome.ts';
import { GrpcForwarding } from './grpc-forwarding.ts';

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** Content that comes when the test says so. */
class Content implements StreamBody {
  readonly type = 'stream';
  readonly started = false;
  cancelled: ProxyError | undefined = undefined;
  sink: BodySink | undefined = undefined;

  pipe(sink: BodySink): void {
    this.sink = sink;
  }

  resume(): void {}

  cancel(error: ProxyError): void {
    this.cancelled = error;
  }
}

/** A call with these fields that is being forwarded. */
function begin(fields: readonly (readonly [string, string])[] = [], maxMs = NO_LIMIT) {
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  const exchange = createTestExchange(
    { method: 'POST', fields: [['content-type', 'application/grpc'], ...fields] },
    clock,
  );
  exchange.request.acceptsTrailers = true;
  exchange.forwardLines = exchange.request.fields.text;
  assert.ok(exchange.grpc);
  const forwarding = new GrpcForwarding(exchange, exchange.grpc);
  forwarding.begin(maxMs, timers);
  return { clock, timers, exchange, call: exchange.grpc, forwarding };
}

/** A response to `begun` whose status is to come in trailers, with whoever reads it. */
function respond({ forwarding, exchange }: ReturnType<typeof begin>) {
  const content = new Content();
  const response = { ...createTestResponse(), body: content as StreamBody, length: -1 };
  const ends: Judged[] = [];
  forwarding.watch(response, (judged) => ends.push(judged));
  const read: string[] = [];
  response.body.pipe({
    chunk: () => true,
    end: (trailers) => void read.push(trailers?.text ?? ''),
    abort: ({ code }) => void read.push(code),
  });
  return { content, ends, read, exchange };
}

test('without a deadline no timer is set and no line is changed', () => {
  const { timers, forwarding, exchange } = begin();
  const { forwardLines } = exchange;
  forwarding.prepareAttempt(0);
  assert.equal(exchange.forwardLines, forwardLines);
  assert.equal(timers.pending, 0);
});

test('each attempt is told what is left', () => {
  const { clock, forwarding, exchange } = begin([
    ['grpc-timeout', '100S'],
    ['x-other', '1'],
  ]);
  clock.advance(40_000);
  forwarding.prepareAttempt(0);
  assert.equal(exchange.forwardLines, 'grpc-timeout: 60000000u\r\ncontent-type: application/grpc\r\nx-other: 1\r\n');
  clock.advance(30_000);
  forwarding.prepareAttempt(1);
  assert.equal(
    exchange.forwardLines,
    'grpc-timeout: 30000000u\r\ngrpc-previous-rpc-attempts: 1\r\ncontent-type: application/grpc\r\nx-other: 1\r\n',
  );
});

test('time before the call was forwarded counts', () => {
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  const fields = [
    ['content-type', 'application/grpc'],
    ['grpc-timeout', '1S'],
  ] as const;
  const exchange = createTestExchange({ method: 'POST', fields }, clock);
  assert.ok(exchange.grpc);
  clock.advance(1000);
  const forwarding = new GrpcForwarding(exchange, exchange.grpc);
  assert.throws(() => forwarding.begin(NO_LIMIT, timers), { code: 'deadline-exceeded' });
});

test('a call that passes its deadline ahead of a response is given up', () => {
  const { timers, exchange } = begin([['grpc-timeout', '1S']]);
  const told: string[] = [];
  exchange.inCharge = { cancel: ({ code }) => void told.push(code) };
  timers.pass(999);
  assert.deepEqual(told, []);
  timers.pass(1);
  assert.deepEqual(told, ['deadline-exceeded']);
  assert.equal(exchange.error?.code, 'deadline-exceeded');
});

test('a call whose trailers have come has no deadline any more, and its endpoint is judged by them', () => {
  for (const [status, judged] of [
    ['0', 200],
    ['5', 200],
    ['4', 200],
    ['14', 503],
    ['13', 500],
  ] as const) {
    const begun = begin([['grpc-timeout', '1S']]);
    const { content, ends, read } = respond(begun);
    content.sink?.end(Fields.from([['grpc-status', status]]));
    assert.deepEqual(read, [`grpc-status: ${status}\r\n`]);
    assert.deepEqual(
      ends.map((end) => end.status),
      [judged],
    );
    assert.equal(begun.call.status, Number(status));
    assert.equal(begun.timers.pending, 0);
  }
});

test('content that breaks off ends with what a client can read, and the endpoint is judged by who has seen it', () => {
  const begun = begin();
  const { content, ends, read } = respond(begun);
  content.sink?.abort(new ProxyError('http_response_incomplete'));
  assert.match(read.join(''), /^grpc-status: 14\r\ngrpc-message: .+\r\n$/);
  assert.deepEqual(ends, []);
  assert.equal(begun.exchange.error?.code, 'http_response_incomplete');
  assert.equal(begun.call.status, 14);
});

test('a deadline within a stream ends it on both sides', () => {
  const begun = begin([['grpc-timeout', '1S']]);
  const { content, read } = respond(begun);
  begun.timers.pass(1000);
  assert.equal(content.cancelled?.code, 'deadline-exceeded');
  assert.match(read.join(''), /^grpc-status: 4\r\n/);
  assert.equal(begun.call.status, 4);
});

test('an exchange that ends early takes its deadline with it', () => {
  const { timers, exchange } = begin([['grpc-timeout', '1S']]);
  exchange.end();
  assert.equal(timers.pending, 0);
});

test('a response whose head tells the status is judged by it, and else by its own', () => {
  const { forwarding } = begin();
  const judge = (status: number, grpcStatus?: string) => {
    const response = createTestResponse(status);
    if (grpcStatus !== undefined) response.fields.set('grpc-status', grpcStatus);
    return forwarding.judge(response)?.status;
  };
  assert.equal(judge(200, '14'), 503);
  assert.equal(judge(200, '2'), 500);
  assert.equal(judge(200, '8'), 200);
  assert.equal(judge(502), 502);
  assert.equal(judge(404), 404);
  assert.equal(judge(200), undefined);
});
