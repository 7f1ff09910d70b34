// Both directions of a WebSocket between two streams in memory, under a clock that stands still until told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { fc } from '#lib/properties.ts';
import { seededRandom } from '#lib/random.ts';
import { createTestExchange } from '#model/testing.ts';
import type { WebSocketRules } from '#model/web-socket.ts';
import { FrameReader } from '#wire/websocket/frame-reader.ts';
import { clientFrame, testFrame } from '#wire/websocket/testing.ts';
import { MemoryStream } from './testing.ts';
import { WebSocketRelay } from './websocket-relay.ts';

const SWEEP_MS = 10;

const RULES: WebSocketRules = {
  maxFrameBytes: 1e6,
  maxMessageBytes: 1e6,
  idleTimeoutMs: undefined,
  lifetimeMs: 0,
  ping: undefined,
  frameRate: undefined,
  closeSpreadMs: 0,
  random: seededRandom(1),
};

const BOTH = { intervalMs: 1000, timeoutMs: 500, client: true, endpoint: true };

/** A relay between two streams in memory, under a clock that stands still. */
class Bench {
  readonly clock = new ManualClock();
  readonly deadlines = new Deadlines(this.clock, SWEEP_MS);
  readonly client = new MemoryStream();
  readonly endpoint = new MemoryStream();
  readonly exchange = createTestExchange({}, this.clock);
  readonly ended: [received: number, sent: number][] = [];
  readonly relay: WebSocketRelay;

  constructor(rules: Partial<WebSocketRules> = {}, early = '') {
    this.relay = new WebSocketRelay({
      exchange: this.exchange,
      client: this.client,
      tunnel: {
        protocol: 'websocket',
        stream: this.endpoint,
        early: Buffer.from(early, 'latin1'),
        idleTimeoutMs: 60_000,
        done() {},
      },
      inspection: { rules: { ...RULES, ...rules }, compression: false },
      clock: this.clock,
      deadlines: this.deadlines,
      failed() {},
      ended: (...bytes) => this.ended.push(bytes),
    });
  }

  start(): this {
    this.relay.start(undefined, false);
    return this;
  }

  /** What has ended it, other than the sides. */
  errorCode(): string {
    return this.exchange.error?.code ?? '';
  }

  /** Time passes, in steps of the sweep. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += SWEEP_MS) {
      this.clock.advance(SWEEP_MS);
      this.deadlines.sweep();
    }
  }
}

interface Seen {
  readonly opcode: number;
  readonly payload: string;
}

/** The control frames in bytes, and how many messages. */
function readFrames(bytes: Buffer, sender: 'client' | 'server') {
  const controls: Seen[] = [];
  const rules = { sender, compression: false, maxFrameBytes: 1e9, maxMessageBytes: 1e9 };
  const reader = new FrameReader(rules);
  const judged = reader.read(bytes, {
    dataBegins() {},
    dataEnds() {},
    control: (opcode, payload) => void controls.push({ opcode, payload: payload.toString('latin1') }),
  });
  return { controls, messages: reader.messages, isWhole: judged === bytes.length && !reader.insideData };
}

const toClient = (bytes: Buffer) => readFrames(bytes, 'server');
const toEndpoint = (bytes: Buffer) => readFrames(bytes, 'client');

/** The code in the only frame, a Close. */
function closeCode({ controls }: { readonly controls: readonly Seen[] }): number {
  assert.deepEqual(
    controls.map(({ opcode }) => opcode),
    [8],
  );
  return Buffer.from(controls[0]?.payload ?? '', 'latin1').readUInt16BE();
}

/** Lets streams tell of their end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const frame = fc.record({
  opcode: fc.constantFrom(1, 2, 9, 10),
  payload: fc.string({ maxLength: 120 }),
  fragments: fc.integer({ min: 1, max: 3 }),
});

/** Frames of a message, in so many fragments; control frames come in one. */
function framesOf(
  make: typeof testFrame,
  { opcode, payload, fragments }: { opcode: number; payload: string; fragments: number },
): Buffer[] {
  if (opcode > 2) return [make({ opcode, payload: Buffer.from(payload).subarray(0, 125) })];
  return Array.from({ length: fragments }, (_, i) =>
    make({ opcode: i === 0 ? opcode : 0, payload, final: i === fragments - 1 }),
  );
}

test('what is sent arrives byte by byte the same, however it is split and held up', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.infiniteStream(fc.nat(40)), (messages, numbers) => {
      const bench = new Bench().start();
      const sent = Buffer.concat(messages.flatMap((message) => framesOf(clientFrame, message)));
      const arrived: Buffer[] = [];
      for (let at = 0; at < sent.length; ) {
        bench.endpoint.takes = (numbers.next().value ?? 0) % 3 > 0;
        const end = at + 1 + (numbers.next().value ?? 0);
        bench.client.give(sent.subarray(at, end));
        assert.ok(bench.client.reading || !bench.endpoint.takes);
        at = end;
        arrived.push(bench.endpoint.take());
        bench.endpoint.drain();
        assert.ok(bench.client.reading);
      }
      assert.equal(Buffer.concat(arrived).toString('hex'), sent.toString('hex'));
      assert.equal(bench.errorCode(), '');
    }),
  );
});

test('pings of the gateway stand between frames, wherever they fall, and all else arrives the same', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.infiniteStream(fc.nat(40)), (messages, numbers) => {
      const bench = new Bench({ ping: { ...BOTH, timeoutMs: 1e6 } }).start();
      const sent = Buffer.concat(messages.flatMap((message) => framesOf(testFrame, message)));
      const arrived: Buffer[] = [];
      for (let at = 0; at < sent.length; ) {
        if ((numbers.next().value ?? 0) % 4 === 0) bench.pass(1100);
        const end = at + 1 + (numbers.next().value ?? 0);
        bench.endpoint.give(sent.subarray(at, end));
        at = end;
        arrived.push(bench.client.take());
      }
      const all = Buffer.concat(arrived);
      const own = toClient(all).controls.filter(
        ({ opcode, payload }) => opcode === 9 && bench.relay.payloads.has(Buffer.from(payload, 'latin1')),
      );
      const without = own.reduce(
        (rest, { payload }) =>
          rest.replace(testFrame({ opcode: 9, payload: Buffer.from(payload, 'latin1') }).toString('hex'), ''),
        all.toString('hex'),
      );
      assert.ok(toClient(all).isWhole);
      assert.equal(without, sent.toString('hex'));
    }),
  );
});

test('bytes that came behind the response head are read as frames too', () => {
  const bench = new Bench({}, testFrame({ payload: 'welcome' }).toString('latin1')).start();
  assert.equal(toClient(bench.client.take()).messages, 1);
  assert.deepEqual([bench.client.reading, bench.endpoint.reading], [true, true]);
});

test('early bytes that the other side does not take at once hold their side up', () => {
  const bench = new Bench({}, testFrame({ payload: 'welcome' }).toString('latin1'));
  bench.client.takes = false;
  bench.start();
  assert.equal(bench.endpoint.reading, false);
  bench.client.drain();
  assert.ok(bench.endpoint.reading);
});

test('a side that is held up by the other is not taken for silent', () => {
  const bench = new Bench({ ping: BOTH }).start();
  bench.client.takes = false;
  bench.endpoint.give(testFrame({ payload: 'hello' }));
  assert.equal(bench.endpoint.reading, false);
  for (let i = 0; i < 20; i++) {
    bench.pass(500);
    bench.client.give(clientFrame({ opcode: 10 }));
  }
  assert.equal(bench.errorCode(), '');
  bench.client.drain();
  bench.pass(1400);
  assert.equal(bench.errorCode(), '');
  bench.client.give(clientFrame({ opcode: 10 }));
  bench.pass(200);
  assert.equal(bench.errorCode(), 'websocket-endpoint-failed');
});

test('a side that takes what it is sent, be it slowly, is not taken for silent', () => {
  const bench = new Bench({ ping: { ...BOTH, endpoint: false } }).start();
  const large = testFrame({ opcode: 2, payload: Buffer.alloc(100_000) });
  bench.client.takes = false;
  for (let at = 0; at < 90_000; at += 1000) {
    bench.endpoint.give(large.subarray(at, at + 1000));
    bench.pass(400);
    bench.client.drain();
    bench.client.takes = false;
  }
  assert.equal(bench.errorCode(), '');
  bench.pass(2000);
  assert.equal(bench.errorCode(), 'websocket-client-failed');
});

test('any sign of life will do, and a pong that answers late goes nowhere', () => {
  const bench = new Bench({ ping: { ...BOTH, endpoint: false } }).start();
  bench.pass(1100);
  const [first] = toClient(bench.client.take()).controls;
  bench.client.give(clientFrame({ payload: 'busy' }));
  bench.pass(1100);
  const [second] = toClient(bench.client.take()).controls;
  assert.notEqual(first?.payload, second?.payload);
  bench.endpoint.take();
  for (const payload of [first?.payload, second?.payload])
    bench.client.give(clientFrame({ opcode: 10, payload: Buffer.from(payload ?? '', 'latin1') }));
  assert.equal(bench.endpoint.take().length, 0);
  bench.pass(900);
  assert.equal(bench.errorCode(), '');
});

test("a pong of the gateway's own is taken out from between frames, and out of pieces", () => {
  const bench = new Bench({ ping: { ...BOTH, endpoint: false } }).start();
  bench.pass(1100);
  const [ping] = toClient(bench.client.take()).controls;
  const pong = clientFrame({ opcode: 10, payload: Buffer.from(ping?.payload ?? '', 'latin1') });
  const hello = clientFrame({ payload: 'hello' });
  bench.client.give(Buffer.concat([hello, pong, hello, pong.subarray(0, 5)]));
  bench.client.give(Buffer.concat([pong.subarray(5), hello]));
  assert.equal(bench.endpoint.take().toString('hex'), Buffer.concat([hello, hello, hello]).toString('hex'));
});

test('when nothing moves for the time of the tunnel, both sides get 1001, and are aborted if they do not answer', async () => {
  const bench = new Bench().start();
  bench.pass(60_100);
  assert.equal(closeCode(toClient(bench.client.take())), 1001);
  assert.equal(closeCode(toEndpoint(bench.endpoint.take())), 1001);
  assert.equal(bench.client.closed, false);
  bench.pass(5100);
  assert.ok(bench.client.closed && bench.endpoint.closed);
  await settled();
  assert.equal(bench.ended.length, 1);
  assert.equal(bench.relay.record.closedBy, 'idle');
});

test('a Close that nobody answers does not keep a connection for ever', async () => {
  const bench = new Bench().start();
  bench.client.give(clientFrame({ opcode: 8 }));
  bench.pass(29_000);
  assert.equal(bench.endpoint.closed, false);
  bench.pass(1200);
  await settled();
  assert.equal(bench.ended.length, 1);
  assert.equal(bench.relay.record.closedBy, 'client');
});

test('a side that has said Close keeps nothing alive by what it sends behind it', async () => {
  const bench = new Bench().start();
  bench.client.give(clientFrame({ opcode: 8 }));
  for (let second = 0; second < 40 && !bench.client.closed; second++) {
    bench.client.give(clientFrame({ payload: 'more' }));
    bench.pass(1000);
  }
  await settled();
  assert.equal(bench.ended.length, 1);
});

test('the last message of a side passes even when the other has said Close', () => {
  const bench = new Bench().start();
  bench.client.give(clientFrame({ opcode: 8 }));
  bench.endpoint.give(Buffer.concat([testFrame({ payload: 'one more' }), testFrame({ opcode: 8 })]));
  const { messages, controls } = toClient(bench.client.take());
  assert.deepEqual([messages, controls.length], [1, 1]);
  assert.ok(bench.client.hasEnded);
});

test('a drain waits for the end of the frame that a side is being sent, and no longer than the time for closing', async () => {
  const bench = new Bench().start();
  const large = testFrame({ opcode: 2, payload: Buffer.alloc(1000) });
  bench.endpoint.give(large.subarray(0, 500));
  bench.relay.drain();
  assert.equal(closeCode(toEndpoint(bench.endpoint.take())), 1001);
  bench.endpoint.give(Buffer.concat([large.subarray(500), testFrame({ payload: 'too late' })]));
  const { messages, controls } = toClient(bench.client.take());
  assert.deepEqual([messages, controls.length], [1, 1]);
  bench.endpoint.give(testFrame({ opcode: 8, payload: Buffer.of(3, 0xe9) }));
  bench.endpoint.giveEnd();
  bench.client.give(clientFrame({ opcode: 8 }));
  bench.client.giveEnd();
  await settled();
  assert.equal(bench.ended.length, 1);
  assert.deepEqual([bench.client.wasReset, bench.endpoint.wasReset], [false, false]);
});

test('a side that leaves within a frame, while the other is to be told Close behind it, has the other reset', async () => {
  const bench = new Bench().start();
  bench.endpoint.give(testFrame({ opcode: 2, payload: Buffer.alloc(1000) }).subarray(0, 500));
  bench.relay.drain();
  bench.endpoint.giveEnd();
  assert.ok(bench.client.wasReset);
  await settled();
  bench.endpoint.break();
  await settled();
  assert.equal(bench.ended.length, 1);
});

test('a reset of one side is a reset of the other', async () => {
  const bench = new Bench().start();
  bench.client.break(new Error('reset'));
  await settled();
  assert.ok(bench.endpoint.wasReset);
  await settled();
  assert.deepEqual([bench.ended.length, bench.relay.record.closedBy], [1, 'client']);
  assert.equal(bench.relay.record.messages?.closeCode, 1006);
});

test('a side that waits for one that has gone is read again', async () => {
  const bench = new Bench().start();
  bench.client.takes = false;
  bench.endpoint.give(testFrame({ payload: 'hello' }));
  assert.equal(bench.endpoint.reading, false);
  bench.client.break();
  await settled();
  assert.ok(bench.endpoint.reading);
});

test('stop says Close where it can, and ends both at once', async () => {
  const bench = new Bench().start();
  bench.relay.stop();
  assert.equal(closeCode(toClient(bench.client.take())), 1001);
  assert.ok(bench.client.closed && bench.endpoint.closed);
  await settled();
  assert.deepEqual([bench.ended.length, bench.relay.record.closedBy], [1, 'shutdown']);
});

test('drains are spread over the time given, in few steps', () => {
  const waits = Array.from({ length: 50 }, (_, i) => {
    const bench = new Bench({ closeSpreadMs: 2000, random: seededRandom(i) }).start();
    bench.relay.drain();
    for (let ms = 0; ms <= 2200; ms += 100) {
      if (bench.client.take().length > 0) return ms;
      bench.pass(100);
    }
    return -1;
  });
  assert.ok(!waits.includes(-1));
  assert.ok(new Set(waits).size > 10);
});

test('no deadline is left when it has ended', async () => {
  const bench = new Bench({ ping: BOTH, lifetimeMs: 1e6, closeSpreadMs: 1e6 }).start();
  bench.relay.drain();
  bench.client.break();
  await settled();
  bench.endpoint.break();
  await settled();
  assert.equal(bench.ended.length, 1);
  assert.equal(bench.deadlines.size, 0);
});
