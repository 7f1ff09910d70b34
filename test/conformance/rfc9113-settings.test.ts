// RFC 9113 4.3.1 and 6.5, RFC 7541 4.2: what a client's settings change in what we send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hpackTableSize } from '../support/hpack.ts';
import { FRAME, SETTING, type Setting } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';

const LINES = 'x-a: first value\r\nx-b: second value\r\n';

/** Answers a request with the same fields as ever. */
function answer(peer: SessionPeer, streamId: number): Buffer {
  peer.request(streamId, '/');
  peer.respond(streamId, { lines: LINES });
  const [head] = peer.of(FRAME.headers, streamId);
  assert.deepEqual(head?.fields?.slice(1), [
    ['x-a', 'first value'],
    ['x-b', 'second value'],
  ]);
  return head?.payload ?? Buffer.alloc(0);
}

const table = (bytes: number): Setting => [SETTING.headerTableSize, bytes];

for (const [what, frames, updates] of [
  ['a lower size', [[table(100)]], [100]],
  ['a size of 0', [[table(0)]], [0]],
  ['a lower size and the former one in one frame', [[table(0), table(4096)]], [0, 4096]],
  ['a lower size and the former one in two frames', [[table(200)], [table(4096)]], [200, 4096]],
  ['several sizes, of which the lowest is not the last', [[table(500), table(10)], [table(300)]], [10, 300]],
  ['the size that it has', [[table(4096)]], []],
  ['a larger size, which we do not use', [[table(65_536)]], []],
] satisfies [string, Setting[][], number[]][]) {
  test(`RFC 7541 4.2: ${what} is told at the beginning of the next header block`, () => {
    const peer = SessionPeer.opened();
    // The second and the third time, fields are in the table.
    for (const id of [1, 3, 5]) answer(peer, id);
    for (const settings of frames) peer.settings(...settings);
    const expected = Buffer.concat(updates.map(hpackTableSize));
    const first = answer(peer, 7);
    assert.deepEqual(first.subarray(0, expected.length), expected);
    // A size update is 001xxxxx.
    assert.notEqual((first[expected.length] ?? 0) >> 5, 1);
    const second = answer(peer, 9);
    assert.notEqual((second[0] ?? 0) >> 5, 1);
    assert.deepEqual(peer.breaches, []);
  });
}

test('RFC 7541 4.2: a size that comes with the preface is told at the beginning of the first header block', () => {
  const peer = SessionPeer.opened({}, [table(64)]);
  assert.deepEqual(answer(peer, 1).subarray(0, 2), hpackTableSize(64));
});

test('RFC 9113 6.5.2: what we announce', () => {
  const peer = new SessionPeer({ maxStreams: 77, streamWindow: 70_000, maxHeadBytes: 5000 });
  peer.turn();
  const payload = peer.of(FRAME.settings)[0]?.payload ?? Buffer.alloc(0);
  const settings: Record<number, number> = {};
  for (let at = 0; at < payload.length; at += 6) settings[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2);
  // RFC 9113 6.5.2: "A server MUST NOT explicitly set" ENABLE_PUSH to 1; we leave it out.
  assert.deepEqual(settings, {
    [SETTING.maxConcurrentStreams]: 77,
    [SETTING.initialWindowSize]: 70_000,
    [SETTING.maxHeaderListSize]: 5000,
    [SETTING.enableConnectProtocol]: 1,
    [SETTING.noRfc7540Priorities]: 1,
  });
  assert.equal(peer.granted(0), 1_048_576 - 65_535);
});
