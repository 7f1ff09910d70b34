// RFC 6455 5: framing, towards both sides of a WebSocket that the policy websocket looks at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFrame, TEST_KEY, type TestFrame, testFrame } from '#wire/websocket/testing.ts';
import { shareWebSockets } from '../support/shared-websockets.ts';

const { open } = shareWebSockets();

const SIDES = ['client', 'endpoint'] as const;
type SideName = (typeof SIDES)[number];

const other = (side: SideName): SideName => (side === 'client' ? 'endpoint' : 'client');

/** A frame as that side sends it. */
const frameOf = (side: SideName, frame: TestFrame) => (side === 'client' ? clientFrame(frame) : testFrame(frame));

/** The side that breaks a rule gets this code and is closed; the other learns that nothing more comes from there. */
async function assertFails(side: SideName, bytes: Buffer, code: number, compression = false): Promise<void> {
  const sides = await open({ compression });
  sides[side].send(frameOf(side, { payload: 'ahead' }), bytes);
  assert.equal((await sides[other(side)].frame()).payload, 'ahead');
  assert.equal((await sides[side].close()).code, code);
  assert.equal((await sides[other(side)].close()).code, side === 'client' ? 1001 : 1011);
  // Nothing comes behind a Close frame, and the connection of the side that failed is ended at once.
  assert.equal(await sides[side].rest(), '');
  sides[other(side)].end();
  assert.equal(await sides[other(side)].rest(), '');
}

test('RFC 6455 5.1: a frame of a client that is not masked fails the connection with 1002', async () => {
  await assertFails('client', testFrame({ payload: 'hello' }), 1002);
});

test('RFC 6455 5.1: a frame of a server that is masked fails the connection with 1002', async () => {
  await assertFails('endpoint', clientFrame({ payload: 'hello' }), 1002);
});

test('RFC 6455 5.1: what the gateway says itself is masked to the endpoint and not to the client', async () => {
  const { client, endpoint } = await open();
  client.send(testFrame({}));
  assert.equal((await client.frame()).key, undefined);
  const close = await endpoint.frame();
  assert.equal(close.opcode, 8);
  assert.notEqual(close.key, undefined);
});

for (const side of SIDES) {
  for (const reserved of [0x10, 0x20, 0x40, 0x70]) {
    test(`RFC 6455 5.2: reserved bits 0x${reserved.toString(16)} of the ${side} fail the connection with 1002`, async () => {
      await assertFails(side, frameOf(side, { payload: 'x', reserved }), 1002);
    });
  }

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    test(`RFC 6455 5.2: the unknown opcode ${opcode} of the ${side} fails the connection with 1002`, async () => {
      await assertFails(side, frameOf(side, { opcode, payload: 'x' }), 1002);
    });
  }

  for (const [what, frame] of [
    ['125 bytes in 16 bits', { payload: 'a'.repeat(125), form: 'medium' }],
    ['0 bytes in 16 bits', { form: 'medium' }],
    ['126 bytes in 64 bits', { payload: 'a'.repeat(126), form: 'long' }],
    ['65535 bytes in 64 bits', { payload: 'a'.repeat(65535), form: 'long' }],
  ] as const) {
    test(`RFC 6455 5.2: a length of ${what} from the ${side} fails the connection with 1002`, async () => {
      await assertFails(side, frameOf(side, frame), 1002);
    });
  }

  test(`RFC 6455 5.2: a length with its most significant bit set from the ${side} fails the connection with 1002`, async () => {
    await assertFails(side, frameOf(side, { form: 'long', length: 1n << 63n }), 1002);
  });

  test(`RFC 6455 5.2: lengths in all three forms pass as they are from the ${side}`, async () => {
    const sides = await open();
    for (const length of [0, 125, 126, 65535, 65536, 70_000]) {
      const frame = frameOf(side, { opcode: 2, payload: Buffer.alloc(length, 0x80) });
      sides[side].send(frame);
      const passed = await sides[other(side)].frame();
      assert.ok(passed.bytes === frame.toString('latin1'), String(length));
    }
  });

  test(`RFC 6455 5.4: a continuation of nothing from the ${side} fails the connection with 1002`, async () => {
    await assertFails(side, frameOf(side, { opcode: 0, payload: 'x' }), 1002);
  });

  test(`RFC 6455 5.4: a continuation of a message that was whole from the ${side} fails the connection with 1002`, async () => {
    await assertFails(side, frameOf(side, { opcode: 0, payload: 'x', final: false }), 1002);
  });

  test(`RFC 6455 5.4: a message inside of another from the ${side} fails the connection with 1002`, async () => {
    const sides = await open();
    sides[side].send(frameOf(side, { payload: 'one', final: false }), frameOf(side, { payload: 'two' }));
    assert.equal((await sides[other(side)].frame()).payload, 'one');
    assert.equal((await sides[side].close()).code, 1002);
    // Between fragments control frames may stand, so the other side can still be told.
    assert.equal((await sides[other(side)].close()).code, side === 'client' ? 1001 : 1011);
  });

  test(`RFC 6455 5.4: fragments of the ${side} stay fragments, with control frames between them`, async () => {
    const sides = await open();
    const frames = [
      frameOf(side, { payload: 'one ', final: false }),
      frameOf(side, { opcode: 9, payload: 'ping' }),
      frameOf(side, { opcode: 0, payload: '', final: false }),
      frameOf(side, { opcode: 10 }),
      frameOf(side, { opcode: 0, payload: 'two', final: true }),
    ];
    sides[side].send(...frames);
    for (const frame of frames) assert.equal((await sides[other(side)].frame()).bytes, frame.toString('latin1'));
  });

  for (const opcode of [8, 9, 10]) {
    test(`RFC 6455 5.5: a control frame (${opcode}) of 126 bytes from the ${side} fails the connection with 1002`, async () => {
      await assertFails(side, frameOf(side, { opcode, payload: 'a'.repeat(126) }), 1002);
    });

    test(`RFC 6455 5.5: a control frame (${opcode}) in fragments from the ${side} fails the connection with 1002`, async () => {
      await assertFails(side, frameOf(side, { opcode, final: false }), 1002);
    });
  }

  test(`RFC 6455 5.5.1: a Close frame of the ${side} with half a code fails the connection with 1002`, async () => {
    await assertFails(side, frameOf(side, { opcode: 8, payload: '\x03' }), 1002);
  });

  test(`RFC 6455 5.5.1: what follows a Close frame of the ${side} goes nowhere`, async () => {
    const sides = await open();
    const close = frameOf(side, { opcode: 8, payload: Buffer.from([3, 232]) });
    sides[side].send(close, frameOf(side, { payload: 'more' }), Buffer.from([0xff, 0xff]));
    assert.equal((await sides[other(side)].frame()).bytes, close.toString('latin1'));
    sides[other(side)].send(frameOf(other(side), { opcode: 8, payload: Buffer.from([3, 232]) }));
    assert.equal((await sides[side].close()).code, 1000);
    sides[side].end();
    sides[other(side)].end();
    assert.equal(await sides[other(side)].rest(), '');
  });

  for (const [what, opcode] of [
    ['5.5.2: a ping', 9],
    ['5.5.3: a pong, asked for or not,', 10],
  ] as const) {
    test(`RFC 6455 ${what} of the ${side} passes with its payload`, async () => {
      const sides = await open();
      const frame = frameOf(side, { opcode, payload: 'a'.repeat(125) });
      sides[side].send(frame);
      assert.equal((await sides[other(side)].frame()).bytes, frame.toString('latin1'));
    });
  }

  test(`RFC 6455 5.8: RSV1 of the ${side} has a meaning once compression was agreed on`, async () => {
    const sides = await open({ compression: true });
    const frames = [
      frameOf(side, { payload: Buffer.from([0xca, 0x00]), reserved: 0x40, final: false }),
      frameOf(side, { opcode: 0, payload: Buffer.from([0xff, 0xff]) }),
    ];
    sides[side].send(...frames);
    for (const frame of frames) assert.equal((await sides[other(side)].frame()).bytes, frame.toString('latin1'));
  });

  for (const [what, frame] of [
    ['a control frame', { opcode: 9, reserved: 0x40 }],
    ['RSV2', { payload: 'x', reserved: 0x20 }],
  ] as const) {
    test(`RFC 7692 5 and 6: compression gives no meaning to ${what} of the ${side}`, async () => {
      await assertFails(side, frameOf(side, frame), 1002, true);
    });
  }

  test(`RFC 7692 6.1: RSV1 on a further fragment of the ${side} fails the connection with 1002`, async () => {
    const sides = await open({ compression: true });
    sides[side].send(
      frameOf(side, { payload: 'x', reserved: 0x40, final: false }),
      frameOf(side, { opcode: 0, payload: 'y', reserved: 0x40 }),
    );
    assert.equal((await sides[other(side)].frame()).payload, 'x');
    assert.equal((await sides[side].close()).code, 1002);
  });
}

test('RFC 6455 5.3: each frame of the gateway to the endpoint has a mask of its own', async () => {
  const keys = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { client, endpoint } = await open();
    client.send(testFrame({}));
    const { key = '' } = await endpoint.frame();
    assert.equal(key.length, 4);
    keys.add(key);
  }
  assert.equal(keys.size, 3);
});

test('RFC 6455 5.3: masked frames pass with the mask of their client', async () => {
  const { client, endpoint } = await open();
  client.send(clientFrame({ payload: 'hello' }));
  const { key, payload } = await endpoint.frame();
  assert.equal(key, Buffer.from(TEST_KEY).toString('latin1'));
  assert.equal(payload, 'hello');
});

test('RFC 6455 5.2: frames that come byte by byte pass whole', async () => {
  const { client, endpoint } = await open();
  const bytes = Buffer.concat([
    clientFrame({ payload: 'κόσμε' }),
    clientFrame({ opcode: 9, payload: 'ping' }),
    clientFrame({ opcode: 2, payload: Buffer.alloc(200, 1) }),
  ]);
  for (const byte of bytes) {
    client.send(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const passed = [await endpoint.frame(), await endpoint.frame(), await endpoint.frame()];
  assert.equal(passed.map((frame) => frame.bytes).join(''), bytes.toString('latin1'));
});
