// RFC 6455 7 and 8: closing, codes and text, towards both sides of a WebSocket that the policy websocket looks at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFrame, type TestFrame, testFrame } from '#wire/websocket/testing.ts';
import { shareWebSockets } from '../support/shared-websockets.ts';

const { open } = shareWebSockets();

const SIDES = ['client', 'endpoint'] as const;
type SideName = (typeof SIDES)[number];

const other = (side: SideName): SideName => (side === 'client' ? 'endpoint' : 'client');
const frameOf = (side: SideName, frame: TestFrame) => (side === 'client' ? clientFrame(frame) : testFrame(frame));

function closeOf(side: SideName, code: number, reason: string | Buffer = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frameOf(side, { opcode: 8, payload: Buffer.concat([head, Buffer.from(reason as string)]) });
}

test('RFC 6455 7.1.1: once both have said Close, the gateway closes to the client first, and waits for the endpoint', async () => {
  const { client, endpoint } = await open();
  client.send(closeOf('client', 1000));
  assert.equal((await endpoint.close()).code, 1000);
  endpoint.send(closeOf('endpoint', 1000));
  assert.equal((await client.close()).code, 1000);
  assert.equal(await client.rest(), '');
  endpoint.end();
  assert.equal(await endpoint.rest(), '');
});

for (const side of SIDES) {
  test(`RFC 6455 7.1.4: a connection that the ${side} ends without Close ends without Close on the other side`, async () => {
    const sides = await open();
    sides[side].end();
    assert.equal(await sides[other(side)].rest(), '');
    sides[other(side)].end();
    assert.equal(await sides[side].rest(), '');
    const record = await sides.record();
    assert.deepEqual([record?.close_code, record?.closed_by], [1006, side]);
  });

  test(`RFC 6455 7.1.5: a Close frame of the ${side} without a code passes without one`, async () => {
    const sides = await open();
    sides[side].send(frameOf(side, { opcode: 8 }));
    assert.equal((await sides[other(side)].close()).code, 1005);
    sides[other(side)].send(frameOf(other(side), { opcode: 8 }));
    assert.equal((await sides[side].close()).code, 1005);
    sides[side].end();
    sides[other(side)].end();
    assert.equal((await sides.record())?.close_code, 1005);
  });

  test(`RFC 6455 7.1.6: the reason in a Close frame of the ${side} passes`, async () => {
    const sides = await open();
    sides[side].send(closeOf(side, 1000, 'κόσμε'));
    assert.deepEqual(await sides[other(side)].close(), { code: 1000, reason: 'κόσμε' });
  });

  test(`RFC 6455 7.1.7: nothing of the ${side} is processed once it has failed, not even a Close frame`, async () => {
    const sides = await open();
    sides[side].send(frameOf(side, { opcode: 3 }), closeOf(side, 4000));
    assert.equal((await sides[side].close()).code, 1002);
    assert.equal((await sides[other(side)].close()).code, side === 'client' ? 1001 : 1011);
  });

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
    test(`RFC 6455 7.4: a Close frame of the ${side} with the code ${code} fails the connection with 1002`, async () => {
      const sides = await open();
      sides[side].send(closeOf(side, code));
      assert.equal((await sides[side].close()).code, 1002);
      assert.equal((await sides[other(side)].close()).code, side === 'client' ? 1001 : 1011);
    });
  }

  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
    test(`RFC 6455 7.4: a Close frame of the ${side} with the code ${code} passes`, async () => {
      const sides = await open();
      sides[side].send(closeOf(side, code));
      assert.equal((await sides[other(side)].close()).code, code);
    });
  }

  for (const [what, bytes] of [
    ['a byte that begins nothing', [0x61, 0xff]],
    ['a continuation that continues nothing', [0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a character above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a character that is cut off', [0xce]],
  ] as const) {
    test(`RFC 6455 8.1: ${what} in a text of the ${side} fails the connection with 1007`, async () => {
      const sides = await open();
      sides[side].send(frameOf(side, { payload: Buffer.from(bytes) }));
      assert.equal((await sides[side].close()).code, 1007);
      assert.equal((await sides[other(side)].close()).code, side === 'client' ? 1001 : 1011);
    });

    test(`RFC 6455 5.5.1: ${what} in the reason of a Close frame of the ${side} fails the connection with 1007`, async () => {
      const sides = await open();
      sides[side].send(closeOf(side, 1000, Buffer.from(bytes)));
      assert.equal((await sides[side].close()).code, 1007);
    });
  }

  test(`RFC 6455 8.1: a character may be cut by fragments of the ${side}`, async () => {
    const sides = await open();
    const [first, second] = [Buffer.from([0xce]), Buffer.from([0xba])];
    sides[side].send(frameOf(side, { payload: first, final: false }), frameOf(side, { opcode: 0, payload: second }));
    assert.equal((await sides[other(side)].frame()).payload, '\xce');
    assert.equal((await sides[other(side)].frame()).payload, '\xba');
  });

  test(`RFC 6455 8.1: a text of the ${side} that turns out wrong when a part of it has passed resets the other side`, async () => {
    const sides = await open();
    const frame = frameOf(side, { payload: Buffer.concat([Buffer.alloc(1000, 0x61), Buffer.of(0xff)]) });
    sides[side].send(frame.subarray(0, 500));
    const passed = await sides[other(side)].bytes(500);
    assert.ok(passed === frame.toString('latin1', 0, 500));
    sides[side].send(frame.subarray(500));
    assert.equal((await sides[side].close()).code, 1007);
    await sides[other(side)].rest();
    assert.equal(sides[other(side)].error, 'ECONNRESET');
    sides[side].end();
    const record = await sides.record();
    assert.equal(record?.close_code, 1007);
    assert.equal(record?.messages_received, 0);
  });
}

test('RFC 6455 7.3: when the gateway wants an end while a frame is under way, its Close frame follows the frame', async () => {
  const { client, endpoint } = await open();
  const frame = testFrame({ opcode: 2, payload: Buffer.alloc(100_000, 7) });
  endpoint.send(frame.subarray(0, 50_000));
  // The client fails while it is being sent something.
  client.send(testFrame({}));
  assert.equal((await endpoint.close()).code, 1001);
  endpoint.send(frame.subarray(50_000), testFrame({ payload: 'never arrives' }));
  const passed = await client.frame();
  assert.equal(passed.payload.length, 100_000);
  assert.equal((await client.close()).code, 1002);
});
