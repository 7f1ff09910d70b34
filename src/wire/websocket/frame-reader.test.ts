// What the reader tells of frames, whole and in pieces; what it refuses is in test/conformance/rfc6455-framing.test.ts too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGUN_EARLIER, FrameReader, type FrameRules, type FrameVisitor, PASSED_EARLIER } from './frame-reader.ts';
import { clientFrame, testFrame } from './testing.ts';
import { WebSocketViolation } from './violation.ts';

const RULES: FrameRules = {
  sender: 'client',
  compression: false,
  maxFrameBytes: Number.POSITIVE_INFINITY,
  maxMessageBytes: Number.POSITIVE_INFINITY,
};

/** Writes down what a reader tells. */
class Notes implements FrameVisitor {
  readonly told: unknown[] = [];

  dataBegins(start: number): void {
    this.told.push(['data', start]);
  }

  dataEnds(end: number): void {
    this.told.push(['end', end]);
  }

  control(opcode: number, payload: Buffer, start: number, end: number): void {
    this.told.push(['control', opcode, payload.toString('latin1'), start, end]);
  }
}

function read(bytes: Buffer, rules: Partial<FrameRules> = {}) {
  const notes = new Notes();
  const reader = new FrameReader({ ...RULES, ...rules });
  return { judged: reader.read(bytes, notes), told: notes.told, reader };
}

function violationOf(bytes: Buffer, rules: Partial<FrameRules> = {}): number {
  try {
    read(bytes, rules);
  } catch (error) {
    assert.ok(error instanceof WebSocketViolation, String(error));
    return error.code;
  }
  return 0;
}

test('tells where data frames begin and end, and gives control frames whole and without their mask', () => {
  const hello = clientFrame({ payload: 'hello' });
  const ping = clientFrame({ opcode: 9, payload: 'are you there' });
  const { told, judged, reader } = read(Buffer.concat([hello, ping, hello]));
  const second = hello.length + ping.length;
  assert.deepEqual(told, [
    ['data', 0],
    ['end', hello.length],
    ['control', 9, 'are you there', hello.length, second],
    ['data', second],
    ['end', second + hello.length],
  ]);
  assert.equal(judged, second + hello.length);
  assert.equal(reader.messages, 2);
});

test('counts a message of several fragments once, with control frames between them', () => {
  const { told, reader } = read(
    Buffer.concat([
      clientFrame({ payload: 'one ', final: false }),
      clientFrame({ opcode: 10 }),
      clientFrame({ opcode: 0, payload: 'two ', final: false }),
      clientFrame({ opcode: 0, payload: 'three' }),
    ]),
  );
  assert.deepEqual(
    told.map((note) => (note as unknown[])[0]),
    ['data', 'end', 'control', 'data', 'end', 'data', 'end'],
  );
  assert.equal(reader.messages, 1);
});

test('a head that is not all there is left unjudged, and the frame is told as begun earlier', () => {
  const notes = new Notes();
  const reader = new FrameReader(RULES);
  const frame = clientFrame({ payload: 'hello' });
  assert.equal(reader.read(Buffer.concat([frame, frame.subarray(0, 3)]), notes), frame.length);
  assert.equal(reader.read(frame.subarray(3, 7), notes), 4);
  assert.ok(reader.insideData);
  assert.equal(reader.read(frame.subarray(7), notes), 4);
  assert.deepEqual(notes.told, [
    ['data', 0],
    ['end', frame.length],
    ['data', BEGUN_EARLIER],
    ['end', 4],
  ]);
});

test('a control frame is left unjudged until all of it is there', () => {
  const notes = new Notes();
  const reader = new FrameReader(RULES);
  const frame = clientFrame({ opcode: 9, payload: 'are you there' });
  for (const byte of frame.subarray(0, -1)) assert.equal(reader.read(Buffer.of(byte), notes), 0);
  assert.equal(reader.read(frame.subarray(-1), notes), 1);
  assert.deepEqual(notes.told, [['control', 9, 'are you there', BEGUN_EARLIER, 1]]);
});

test('a violation names where its frame begins: in this read, in one before, or ahead of what was passed on', () => {
  const bad = clientFrame({ payload: Buffer.from('abc\xff', 'latin1') });
  const start = (pieces: readonly Buffer[]) => {
    const reader = new FrameReader(RULES);
    assert.throws(() => {
      for (const piece of pieces) reader.read(piece, new Notes());
    }, WebSocketViolation);
    return reader.start;
  };
  const good = clientFrame({ payload: 'x' });
  assert.equal(start([Buffer.concat([good, bad])]), good.length);
  assert.equal(start([bad.subarray(0, 4), bad.subarray(4)]), BEGUN_EARLIER);
  assert.equal(start([bad.subarray(0, 8), bad.subarray(8)]), PASSED_EARLIER);
});

test('what follows a Close frame is left alone', () => {
  const close = clientFrame({ opcode: 8, payload: Buffer.from([3, 232]) });
  const { judged, reader, told } = read(Buffer.concat([close, Buffer.from('anything')]));
  assert.equal(judged, close.length);
  assert.ok(reader.closed);
  assert.deepEqual(told, [['control', 8, '\x03\xe8', 0, close.length]]);
  assert.equal(reader.read(Buffer.from([0xff, 0xff]), new Notes()), 0);
});

test('lengths of all three forms are read', () => {
  for (const length of [0, 1, 125, 126, 127, 65535, 65536, 200_000]) {
    const frame = clientFrame({ opcode: 2, payload: Buffer.alloc(length, 7) });
    const { told, judged } = read(frame);
    assert.deepEqual(told, [
      ['data', 0],
      ['end', frame.length],
    ]);
    assert.equal(judged, frame.length);
  }
});

test('a frame or a message above its limit is 1009 before any of its payload has come', () => {
  const limits = { maxFrameBytes: 1000, maxMessageBytes: 1500 };
  const head = (length: bigint, opcode = 2, final = true) =>
    clientFrame({ opcode, length, final }).subarray(0, length < 126n ? 6 : 8);
  assert.equal(violationOf(head(1000n), limits), 0);
  assert.equal(violationOf(head(1001n), limits), 1009);
  const first = clientFrame({ opcode: 2, payload: Buffer.alloc(1000), final: false });
  assert.equal(violationOf(Buffer.concat([first, head(500n, 0)]), limits), 0);
  assert.equal(violationOf(Buffer.concat([first, head(501n, 0)]), limits), 1009);
});

test('a message begins its count anew', () => {
  const message = clientFrame({ opcode: 2, payload: Buffer.alloc(900) });
  assert.equal(violationOf(Buffer.concat([message, message, message]), { maxMessageBytes: 1000 }), 0);
});

test('compressed text is not checked, and text beside it is', () => {
  const bad = Buffer.from([0xff, 0xfe]);
  const compressed = clientFrame({ payload: bad, reserved: 0x40 });
  assert.equal(violationOf(compressed, { compression: true }), 0);
  const rest = clientFrame({ opcode: 0, payload: bad });
  const first = clientFrame({ payload: bad, reserved: 0x40, final: false });
  assert.equal(violationOf(Buffer.concat([first, rest]), { compression: true }), 0);
  assert.equal(violationOf(clientFrame({ payload: bad }), { compression: true }), 1007);
});

test('binary messages may hold anything', () => {
  assert.equal(violationOf(clientFrame({ opcode: 2, payload: Buffer.from([0xff, 0xfe]) })), 0);
});

test('a character that is cut by fragments, and by reads, is whole', () => {
  const text = Buffer.from('κόσμε 𐍈');
  const frames = [...text].map((byte, i) =>
    testFrame({ opcode: i === 0 ? 1 : 0, payload: Buffer.of(byte), final: i === text.length - 1 }),
  );
  const reader = new FrameReader({ ...RULES, sender: 'server' });
  for (const byte of Buffer.concat(frames)) reader.read(Buffer.of(byte), new Notes());
  assert.equal(reader.messages, 1);
});

test('long masked text is checked across the pieces it is unmasked in', () => {
  const text = Buffer.from('aé€𐍈'.repeat(50_000));
  assert.equal(violationOf(clientFrame({ payload: text })), 0);
  const broken = Buffer.from(text);
  broken[450_001] = 0xff;
  assert.equal(violationOf(clientFrame({ payload: broken })), 1007);
});
