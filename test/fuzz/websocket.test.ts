// The WebSocket frame reader under made-up frames: its verdict does not depend on how bytes are split, only violations are thrown, and
// what it takes is what the ws package takes, message by message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '#lib/random.ts';
import { seededRandom } from '#lib/random.ts';
import { FrameReader, type FrameVisitor } from '#wire/websocket/frame-reader.ts';
import { TEST_KEY, testFrame } from '#wire/websocket/testing.ts';
import { WebSocketViolation } from '#wire/websocket/violation.ts';
import { fuzzRounds, fuzzSeed } from './mutate.ts';
import { readByWs } from './ws-receiver.ts';

type Sender = 'client' | 'server';

/** What a reader made of some bytes. */
interface Verdict {
  readonly messages: number;
  readonly controls: readonly string[];
  readonly closed: boolean;
  /** Code of the violation, or 0. */
  readonly violation: number;
}

interface OwnVerdict extends Verdict {
  /** What the violation was. */
  readonly reason: string;
}

class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  integer(below: number): number {
    return Math.floor(this.random() * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)] as T;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }
}

function readByUs(pieces: readonly Buffer[], sender: Sender, maxMessageBytes: number): OwnVerdict {
  const controls: string[] = [];
  const visitor: FrameVisitor = {
    dataBegins() {},
    dataEnds() {},
    control: (opcode, payload) => void controls.push(`${opcode} ${payload.toString('hex')}`),
  };
  const reader = new FrameReader({ sender, compression: false, maxFrameBytes: maxMessageBytes, maxMessageBytes });
  const verdict = (violation: number, reason: string) => ({
    messages: reader.messages,
    controls,
    closed: reader.closed,
    violation,
    reason,
  });
  try {
    for (const piece of pieces) {
      const judged = reader.read(piece, visitor);
      assert.ok(judged >= 0 && judged <= piece.length);
    }
  } catch (error) {
    assert.ok(error instanceof WebSocketViolation, String(error));
    return verdict(error.code, error.message);
  }
  return verdict(0, '');
}

const TEXTS = ['', 'hello', 'κόσμε', '𐍈'.repeat(20), '\xff', '\ufffe', 'a'.repeat(126), '€'.repeat(300)];
const CODES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1012, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535];

function closeContent(dice: Dice): Buffer {
  if (dice.chance(0.2)) return Buffer.alloc(dice.integer(2));
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(dice.pick(CODES));
  return Buffer.concat([payload, Buffer.from(dice.pick(['', 'bye', 'κόσ']))]);
}

/** Frames that make sense but for a mistake now and then. */
function frames(dice: Dice, sender: Sender): Buffer {
  const made: Buffer[] = [];
  let fragmented = false;
  for (let left = 1 + dice.integer(6); left > 0; left--) {
    const isControl = dice.chance(0.3);
    let opcode = isControl ? dice.pick([8, 9, 9, 10, 10]) : fragmented ? 0 : dice.pick([1, 1, 2]);
    if (dice.chance(0.05)) opcode = dice.integer(16);
    const final = isControl || dice.chance(0.6);
    if (opcode < 3) fragmented = !final;
    let payload = opcode === 8 ? closeContent(dice) : Buffer.from(dice.pick(TEXTS));
    if (dice.chance(0.1)) payload = payload.subarray(0, dice.integer(payload.length + 1));
    if (isControl) payload = payload.subarray(0, dice.chance(0.95) ? 125 : 130);
    const isMasked = (sender === 'client') !== dice.chance(0.03);
    made.push(
      testFrame({
        opcode,
        payload,
        final: final !== dice.chance(0.02),
        reserved: dice.chance(0.03) ? dice.pick([0x10, 0x20, 0x40]) : 0,
        ...(isMasked && { key: TEST_KEY }),
      }),
    );
  }
  const bytes = Buffer.concat(made);
  for (let changes = dice.chance(0.3) ? dice.integer(4) : 0; changes > 0; changes--)
    bytes[dice.integer(bytes.length)] = dice.integer(256);
  return bytes;
}

function split(bytes: Buffer, dice: Dice): readonly Buffer[] {
  const pieces: Buffer[] = [];
  const most = dice.pick([1, 2, 5, 50, 10_000]);
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + dice.integer(most));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/**
 * To ws, lengths may be longer than they need to be, one with its most significant bit set is but too much, and a text that is no UTF-8
 * is found when all of the message is there.
 */
const EXPECTED = ['more bytes than it needs', 'most significant bit', 'a text '];

for (const sender of ['client', 'server'] as const) {
  test(`frames of a ${sender}: the verdict is the same for any split, and only violations are thrown`, (t) => {
    const seed = fuzzSeed();
    t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
    const dice = new Dice(seed);
    let accepted = 0;
    for (let round = 0; round < fuzzRounds(20_000); round++) {
      const bytes = frames(dice, sender);
      const whole = readByUs([bytes], sender, 1000);
      assert.deepEqual(readByUs(split(bytes, dice), sender, 1000), whole, bytes.toString('hex'));
      if (whole.violation === 0) accepted++;
    }
    assert.ok(accepted > 1000 || fuzzRounds(20_000) < 20_000);
  });

  test(`frames of a ${sender}: what we take, the ws package takes in the same way`, async (t) => {
    const seed = fuzzSeed();
    t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
    const dice = new Dice(seed);
    for (let round = 0; round < fuzzRounds(4000); round++) {
      const bytes = frames(dice, sender);
      const { reason, ...ours } = readByUs([bytes], sender, 1e9);
      const theirs = await readByWs(bytes, sender === 'client');
      if (!EXPECTED.some((difference) => reason.includes(difference)))
        assert.deepEqual(theirs, ours, bytes.toString('hex'));
    }
  });
}
