// The relay of WebSockets under frames right and wrong, in any pieces, with sides that are slow, leave or break off and a gateway that
// drains, in any order: each side only ever gets frames that keep the rules, nothing behind a Close, and all ends, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { seededRandom } from '#lib/random.ts';
import { createTestExchange } from '#model/testing.ts';
import { MemoryStream } from '#net/testing.ts';
import { WebSocketRelay } from '#net/websocket-relay.ts';
import { FrameReader } from '#wire/websocket/frame-reader.ts';
import { clientFrame, type TestFrame, testFrame } from '#wire/websocket/testing.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const SWEEP_MS = 10;
/** Longer than anything may take to end. */
const ALL_DEADLINES_MS = 100_000;

/** One side: its stream, what it will send in pieces, and what it has got. */
interface Side {
  readonly stream: MemoryStream;
  readonly pieces: readonly Buffer[];
  next: number;
  readonly got: Buffer[];
  hasLeft: boolean;
}

const FRAMES: readonly TestFrame[] = [
  { payload: 'hello' },
  { payload: 'κόσμε'.repeat(30) },
  { payload: 'one ', final: false },
  { opcode: 0, payload: 'two ', final: false },
  { opcode: 0, payload: 'three' },
  { opcode: 2, payload: Buffer.alloc(300, 0xff) },
  { opcode: 9, payload: 'ping' },
  { opcode: 10, payload: 'pong' },
  { opcode: 8, payload: Buffer.of(3, 0xe8) },
  { opcode: 8 },
];

function bytesOf(mutator: Mutator, make: (frame: TestFrame) => Buffer): Buffer {
  const frames = Array.from({ length: mutator.integer(12) }, () => make(mutator.pick(FRAMES)));
  const bytes = Buffer.concat(frames);
  for (let changes = mutator.integer(4) - 1; changes > 0 && bytes.length > 0; changes--)
    bytes[mutator.integer(bytes.length)] = mutator.integer(256);
  return bytes;
}

function createSide(mutator: Mutator, make: (frame: TestFrame) => Buffer): Side {
  const pieces = mutator.split(bytesOf(mutator, make).toString('latin1'));
  return {
    stream: new MemoryStream(),
    pieces: pieces.map((piece) => Buffer.from(piece, 'latin1')),
    next: 0,
    got: [],
    hasLeft: false,
  };
}

/** Something happens to a side. */
function act(side: Side, mutator: Mutator): void {
  const { stream, pieces } = side;
  if (stream.closed) return;
  const piece = pieces[side.next];
  if (piece && stream.reading && !side.hasLeft) {
    side.next++;
    stream.takes = mutator.integer(4) > 0;
    stream.give(piece);
    return;
  }
  switch (mutator.integer(8)) {
    case 0:
      if (side.hasLeft || !stream.reading) return;
      side.hasLeft = true;
      stream.giveEnd();
      return;
    case 1:
      stream.break(mutator.integer(2) === 0 ? new Error('broken') : undefined);
      return;
    case 2:
      stream.takes = false;
      return;
    default:
      stream.drain();
  }
}

/** What a side got keeps the rules, as far as it goes. */
function assertRight(got: Buffer, sender: 'client' | 'server', where: string): void {
  const rules = { sender, compression: false, maxFrameBytes: 1e9, maxMessageBytes: 1e9 };
  const reader = new FrameReader(rules);
  const nothing = { dataBegins() {}, dataEnds() {}, control() {} };
  let judged = 0;
  assert.doesNotThrow(() => {
    judged = reader.read(got, nothing);
  }, where);
  if (reader.closed) assert.equal(judged, got.length, `something follows a Close: ${where}`);
}

async function playRound(seed: number): Promise<void> {
  const mutator = new Mutator(seed);
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, SWEEP_MS);
  const [client, endpoint] = [createSide(mutator, clientFrame), createSide(mutator, testFrame)];
  let ends = 0;
  const relay = new WebSocketRelay({
    exchange: createTestExchange({}, clock),
    client: client.stream,
    tunnel: {
      protocol: 'websocket',
      stream: endpoint.stream,
      early: Buffer.alloc(0),
      idleTimeoutMs: 60_000,
      done() {},
    },
    inspection: {
      compression: false,
      rules: {
        maxFrameBytes: 1000,
        maxMessageBytes: 1000,
        idleTimeoutMs: mutator.pick([undefined, 5000]),
        lifetimeMs: mutator.pick([0, 20_000]),
        ping: mutator.pick([undefined, { intervalMs: 500, timeoutMs: 2000, client: true, endpoint: true }]),
        frameRate: mutator.pick([undefined, { perSecond: 1, burst: 5 }]),
        closeSpreadMs: mutator.pick([0, 1000]),
        random: seededRandom(seed),
      },
    },
    clock,
    deadlines,
    failed() {},
    ended: () => ends++,
  });
  relay.start(undefined, mutator.integer(20) === 0);
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      deadlines.sweep();
    }
  };
  for (let steps = mutator.integer(60); steps > 0; steps--) {
    const dice = mutator.integer(20);
    if (dice === 0) relay.drain();
    else if (dice < 3) pass(mutator.pick([100, 600, 3000]));
    else act(dice % 2 === 0 ? client : endpoint, mutator);
    await Promise.resolve();
  }
  if (mutator.integer(4) === 0) relay.stop();
  // However it was left: time ends it.
  for (let waited = 0; waited < ALL_DEADLINES_MS && ends === 0; waited += 1000) {
    pass(1000);
    await Promise.resolve();
  }
  await new Promise((resolve) => setImmediate(resolve));
  const where = `TIDEGATE_FUZZ_SEED=${seed}`;
  assert.equal(ends, 1, where);
  assert.equal(deadlines.size, 0, where);
  assertRight(client.stream.take(), 'server', `to the client, ${where}`);
  assertRight(endpoint.stream.take(), 'client', `to the endpoint, ${where}`);
}

test('whatever happens, each side gets frames that keep the rules, and all ends once', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  for (let round = 0; round < fuzzRounds(3000); round++) await playRound(seed + round);
});
