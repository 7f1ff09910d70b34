// Tests of how long an HTTP/2 client may take what it has asked for, and send what it has announced: as long as something moves; and of how
// long its connection lasts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import { fixedBody } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import { MemoryStream } from '#net/testing.ts';
import { HpackEncoder } from '#wire/http2/hpack/encoder.ts';
import type { BreachKind } from '#wire/http2/http2-error.ts';
import { CLIENT_PREFACE, ERROR_CODE, FLAG, FRAME } from '#wire/http2/protocol.ts';
import { Http2Connection } from './http2-connection.ts';
import type { ResponseReceiver } from './listener-host.ts';
import { createTestHost, SWEEP_MS, testSettings } from './testing.ts';

const SEND_TIMEOUT_MS = 1000;
/** What a client must take within the time for sending. */
const LEAST_BYTES = 8192;
/** Long enough for a deadline to be noticed, and more. */
const TIMEOUT_MS = SEND_TIMEOUT_MS + 3 * SWEEP_MS;

const BODY_TIMEOUT_MS = 1000;
const LIFETIME_MS = 60_000;

const settings = testSettings({
  headTimeoutMs: 100_000,
  bodyTimeoutMs: BODY_TIMEOUT_MS,
  keepAliveTimeoutMs: 100_000,
  sendTimeoutMs: SEND_TIMEOUT_MS,
  lifetimeMs: LIFETIME_MS,
});

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function answerOf(octets: number, status = 200): Response {
  const body = fixedBody(Buffer.alloc(octets));
  return { status, reason: '', fields: new Fields(), length: octets, body, tunnel: undefined };
}

/** Reads all content, as far as it comes, and answers behind it. */
function takeContent(receiver: ResponseReceiver): void {
  const { body } = receiver.exchange.request;
  assert(body?.type === 'stream');
  body.pipe({ chunk: () => true, end: () => receiver.respond(answerOf(0)), abort() {} });
}

/** A connection whose requests are all answered with so many octets, or handled otherwise. */
function connect(octets: number, expectedBreach?: BreachKind, handle?: (receiver: ResponseReceiver) => void) {
  const statuses: number[] = [];
  const { host, pass } = createTestHost({
    handle: handle ?? ((receiver) => receiver.respond(answerOf(octets))),
    answer: (error) => answerOf(0, error.status),
    breached: (kind) => assert.equal(kind, expectedBreach),
    record: ({ status }) => statuses.push(status),
  });
  const stream = new MemoryStream();
  const state = { name: 'test', settings, series: new Float64Array(64), tls: undefined, draining: false };
  const open = (receiver: MemoryStream['receiver']) => {
    stream.receiver = receiver;
    return stream;
  };
  const connection = new Http2Connection(open, state, host, () => {});
  stream.give(Buffer.concat([Buffer.from(CLIENT_PREFACE, 'latin1'), frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0))]));
  return { connection, stream, pass, statuses };
}

function request(streamId: number, method: 'GET' | 'PUT' = 'GET'): Buffer {
  const encoder = new HpackEncoder();
  encoder.begin();
  encoder.field(':method', method);
  encoder.field(':scheme', 'http');
  encoder.field(':authority', 'example.com');
  encoder.field(':path', '/');
  const flags = FLAG.END_HEADERS | (method === 'GET' ? FLAG.END_STREAM : 0);
  return frame(FRAME.HEADERS, flags, streamId, Buffer.from(encoder.end()));
}

const data = (streamId: number, octets: number, flags = 0) => frame(FRAME.DATA, flags, streamId, Buffer.alloc(octets));

const windowUpdate = (streamId: number, increment: number) =>
  frame(FRAME.WINDOW_UPDATE, 0, streamId, number(increment));
const reset = (streamId: number) => frame(FRAME.RST_STREAM, 0, streamId, number(ERROR_CODE.CANCEL));

/** What was written since the last time. */
function written({ connection, stream }: Pick<ReturnType<typeof connect>, 'connection' | 'stream'>): Buffer {
  connection.flush();
  return stream.take();
}

test('a response whose window the client opens bit by bit is not given up', () => {
  const world = connect(200_000);
  world.stream.give(request(1));
  written(world);
  for (let updates = 0; updates < 15; updates++) {
    world.pass(SEND_TIMEOUT_MS / 2);
    world.stream.give(Buffer.concat([windowUpdate(0, LEAST_BYTES), windowUpdate(1, LEAST_BYTES)]));
    assert.equal(written(world).length, 9 + LEAST_BYTES);
  }
  // The first deadline finds that some was taken.
  world.pass(2 * TIMEOUT_MS);
  assert.deepEqual(written(world), reset(1));
});

test('a response whose window the client opens by less than the least is given up', () => {
  const world = connect(200_000);
  world.stream.give(request(1));
  written(world);
  const answers: Buffer[] = [];
  for (let passed = 0; passed < 2 * TIMEOUT_MS; passed += SWEEP_MS) {
    world.stream.give(Buffer.concat([windowUpdate(0, 1), windowUpdate(1, 1)]));
    answers.push(written(world));
    world.pass(SWEEP_MS);
  }
  assert.deepEqual(Buffer.concat(answers).subarray(-reset(1).length), reset(1));
});

test('the last of a response may be less than the least', () => {
  const world = connect(65_535 + 100);
  world.stream.give(request(1));
  written(world);
  world.pass(SEND_TIMEOUT_MS / 2);
  world.stream.give(Buffer.concat([windowUpdate(0, 100), windowUpdate(1, 100)]));
  world.pass(2 * TIMEOUT_MS);
  assert.equal(written(world).length, 9 + 100);
});

test('a response that others go before is not given up while they are taken', () => {
  const world = connect(200_000);
  world.stream.give(request(1));
  written(world);
  // Stream 1 has a window, and the connection has one for stream 3 alone, which is more urgent.
  const urgent = frame(FRAME.PRIORITY_UPDATE, 0, 0, Buffer.concat([number(3), Buffer.from('u=0')]));
  world.stream.give(Buffer.concat([windowUpdate(1, 200_000), urgent, request(3), windowUpdate(3, 200_000)]));
  for (let updates = 0; updates < 20; updates++) {
    world.pass(SEND_TIMEOUT_MS / 2);
    world.stream.give(windowUpdate(0, LEAST_BYTES));
    written(world);
  }
  world.pass(2 * TIMEOUT_MS);
  assert.deepEqual(written(world), Buffer.concat([reset(1), reset(3)]));
});

test('a response whose window stays shut is given up, and the others of the connection go on', () => {
  const world = connect(100_000);
  world.stream.give(Buffer.concat([windowUpdate(0, 1_000_000), request(1)]));
  written(world);
  world.pass(SEND_TIMEOUT_MS / 2);
  world.stream.give(request(3));
  written(world);
  world.pass(TIMEOUT_MS - SEND_TIMEOUT_MS / 2);
  assert.deepEqual(written(world), reset(1));
  world.stream.give(windowUpdate(3, 100_000));
  assert.ok(written(world).length > 100_000 - 65_535);
});

test('a connection that takes what is sent, but is always behind, is not given up', () => {
  const world = connect(1_000_000);
  const { stream } = world;
  stream.takes = false;
  stream.give(Buffer.concat([windowUpdate(0, 2 ** 30), request(1), windowUpdate(1, 2 ** 30)]));
  let total = written(world).length;
  for (let drains = 0; drains < 14; drains++) {
    world.pass(SEND_TIMEOUT_MS / 2);
    stream.receiver.drained();
    total += written(world).length;
  }
  assert.equal(stream.closed, false);
  assert.ok(total > 900_000, `${total} octets`);
});

test('a connection that takes nothing is given up', () => {
  const world = connect(1_000_000);
  const { stream } = world;
  stream.takes = false;
  stream.give(Buffer.concat([windowUpdate(0, 2 ** 30), request(1), windowUpdate(1, 2 ** 30)]));
  written(world);
  world.pass(TIMEOUT_MS);
  assert.equal(stream.closed, true);
});

test('a client that is told of the end of its connection, and reads slowly, has some time behind the last of it, and no more', () => {
  const world = connect(1_000_000, 'PROTOCOL_ERROR');
  const { stream } = world;
  stream.takes = false;
  stream.give(Buffer.concat([windowUpdate(0, 2 ** 30), request(1), windowUpdate(1, 2 ** 30)]));
  written(world);
  // DATA on stream 0 ends the connection.
  stream.give(frame(FRAME.DATA, 0, 0, Buffer.alloc(1)));
  assert.equal(stream.hasEnded, true);
  stream.drain();
  assert.equal(stream.closed, false);
  world.pass(5000);
  assert.equal(stream.closed, true);
});

test('the last of a response to a client that has closed its side, and reads slowly, has the time of any other', () => {
  const world = connect(1000);
  const { stream } = world;
  stream.give(Buffer.concat([windowUpdate(0, 2 ** 30), request(1)]));
  stream.takes = false;
  stream.giveEnd();
  // GOAWAY and the response have left, and the client takes its time.
  written(world);
  world.pass(SEND_TIMEOUT_MS / 2);
  assert.deepEqual([stream.hasEnded, stream.closed], [false, false]);
  stream.drain();
  assert.equal(stream.hasEnded, true);
});

test('content that waits while that of another request comes is not given up', () => {
  const world = connect(0, undefined, takeContent);
  world.stream.give(Buffer.concat([request(1, 'PUT'), request(3, 'PUT')]));
  for (let parts = 0; parts < 6; parts++) {
    world.pass(BODY_TIMEOUT_MS - SWEEP_MS);
    world.stream.give(data(1, LEAST_BYTES));
  }
  world.stream.give(Buffer.concat([data(1, 1, FLAG.END_STREAM), data(3, 1, FLAG.END_STREAM)]));
  assert.deepEqual(world.statuses, [200, 200]);
});

test('content that waits while less than the least of another request comes is given up', () => {
  const world = connect(0, undefined, takeContent);
  world.stream.give(Buffer.concat([request(1, 'PUT'), request(3, 'PUT')]));
  for (let passed = 0; passed < TIMEOUT_MS; passed += SWEEP_MS) {
    world.stream.give(data(1, 1));
    world.pass(SWEEP_MS);
  }
  assert.deepEqual(world.statuses, [408]);
  world.stream.give(data(1, 1, FLAG.END_STREAM));
  assert.deepEqual(world.statuses, [408, 200]);
});

test('content of which nothing comes at all is given up', () => {
  const world = connect(0, undefined, takeContent);
  world.stream.give(Buffer.concat([request(1, 'PUT'), data(1, LEAST_BYTES)]));
  world.pass(TIMEOUT_MS);
  assert.deepEqual(world.statuses, [408]);
});

test('a connection that is older than it may be ends behind its next request', () => {
  const world = connect(0);
  world.stream.give(request(1));
  const goAway = () => written(world).indexOf(frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)).subarray(0, 9));
  assert.equal(goAway(), -1);
  world.pass(LIFETIME_MS);
  assert.equal(goAway(), -1);
  world.stream.give(request(3));
  assert.notEqual(goAway(), -1);
  assert.deepEqual(world.statuses, [200, 200]);
});
