// RFC 9113 3.4, 4, 5.5 and 6: frames that look odd and are allowed, and the connection preface.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_PREFACE } from '#wire/http2/protocol.ts';
import { requestFields } from '../support/frame-sender.ts';
import { hpackBlock } from '../support/hpack.ts';
import { FLAG, FRAME, frameBytes, SETTING, settingsBytes, uint32 } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';

const BLOCK = hpackBlock(requestFields());
const END = FLAG.endStream | FLAG.endHeaders;
const UNKNOWN_TYPE = 0x42;

/** Stream 1 has a request whose content has not ended. */
function opened(): SessionPeer {
  const peer = SessionPeer.opened();
  peer.headers(1, requestFields([[':method', 'POST']]));
  return peer;
}

/** What was sent on stream 1 went in, and nothing was said against it. */
function assertGoesOn(peer: SessionPeer, content = ''): void {
  peer.data(1, 'end', FLAG.endStream);
  assert.equal(peer.requestOn(1).content, `${content}end`);
  peer.respond(1, {}, 'answer');
  assert.equal(peer.contentOf(1), 'answer');
  assert.deepEqual(peer.breaches, []);
  assert.deepEqual(peer.of(FRAME.rstStream), []);
  assert.deepEqual(peer.goaways, []);
}

for (const [clause, what, send] of [
  ['RFC 9113 4.1', 'flags that DATA does not have', (peer) => peer.frame(FRAME.data, 0xf6, 1, '')],
  ['RFC 9113 4.1', 'flags that PING does not have', (peer) => peer.frame(FRAME.ping, 0xfe, 0, '8 octets')],
  ['RFC 9113 4.1', 'flags that SETTINGS does not have', (peer) => peer.frame(FRAME.settings, 0xfe, 0)],
  ['RFC 9113 4.1', 'flags that WINDOW_UPDATE does not have', (peer) => peer.frame(8, 0xff, 1, uint32(1))],
  ['RFC 9113 4.1', 'the reserved bit of a stream', (peer) => peer.frame(FRAME.data, 0, 2 ** 31 + 1, '')],
  ['RFC 9113 4.1', 'the reserved bit of stream 0', (peer) => peer.frame(FRAME.ping, 0, 2 ** 31, '8 octets')],
  ['RFC 9113 5.5', 'an unknown frame on stream 0', (peer) => peer.frame(UNKNOWN_TYPE, 0xff, 0, 'what')],
  ['RFC 9113 5.5', 'an unknown frame on an open stream', (peer) => peer.frame(UNKNOWN_TYPE, 0xff, 1, 'what')],
  ['RFC 9113 5.5', 'an unknown frame on an idle stream', (peer) => peer.frame(UNKNOWN_TYPE, 0, 8, '')],
  ['RFC 9113 5.5', 'an unknown frame of the greatest size', (peer) => peer.frame(255, 0, 1, Buffer.alloc(16_384))],
  ['RFC 9113 6.1', 'DATA of padding alone', (peer) => peer.frame(FRAME.data, FLAG.padded, 1, Buffer.from([2, 0, 0]))],
  ['RFC 9113 6.1', 'DATA of a padding of 0 alone', (peer) => peer.frame(FRAME.data, FLAG.padded, 1, Buffer.from([0]))],
  ['RFC 9113 6.1', 'padding that is not 0', (peer) => peer.frame(FRAME.data, FLAG.padded, 1, Buffer.from([2, 9, 9]))],
  ['RFC 9113 6.3', 'PRIORITY on an open stream', (peer) => peer.frame(FRAME.priority, 0, 1, Buffer.alloc(5))],
  ['RFC 9113 6.3', 'PRIORITY on an idle stream', (peer) => peer.frame(FRAME.priority, 0, 99, Buffer.alloc(5))],
  ['RFC 9113 6.3', 'PRIORITY on a stream of the server', (peer) => peer.frame(FRAME.priority, 0, 2, Buffer.alloc(5))],
  ['RFC 9113 6.5', 'an acknowledgement that nobody waits for', (peer) => peer.frame(FRAME.settings, FLAG.ack, 0)],
  ['RFC 9113 6.5.2', 'a setting that nobody knows', (peer) => peer.settings([0x4242, 0xffffffff], [0, 1])],
  ['RFC 9113 6.5.2', 'MAX_CONCURRENT_STREAMS of 0', (peer) => peer.settings([SETTING.maxConcurrentStreams, 0])],
  ['RFC 9113 6.5.2', 'MAX_FRAME_SIZE of 2^24-1', (peer) => peer.settings([SETTING.maxFrameSize, 2 ** 24 - 1])],
  [
    'RFC 9113 6.5.2',
    'INITIAL_WINDOW_SIZE of 2^31-1',
    (peer) => peer.settings([SETTING.initialWindowSize, 2 ** 31 - 1]),
  ],
  [
    'RFC 9113 6.5.2',
    'the same setting twice',
    (peer) => peer.settings([SETTING.enablePush, 1], [SETTING.enablePush, 0]),
  ],
  [
    'RFC 9113 6.7',
    'an acknowledgement of a PING that nobody sent',
    (peer) => peer.frame(FRAME.ping, FLAG.ack, 0, '8 octets'),
  ],
  ['RFC 9113 6.8', 'GOAWAY with debug data', (peer) => peer.frame(FRAME.goaway, 0, 0, `${'\0'.repeat(8)}why\xff`)],
  ['RFC 9113 7', 'GOAWAY with an unknown code', (peer) => peer.frame(FRAME.goaway, 0, 0, Buffer.alloc(8, 0xff))],
  ['RFC 9113 6.9', 'the reserved bit of an increment', (peer) => peer.windowUpdate(1, 2 ** 31 + 1)],
] satisfies [string, string, (peer: SessionPeer) => void][]) {
  test(`${clause}: ${what} is allowed and changes nothing`, () => {
    const peer = opened();
    send(peer);
    assertGoesOn(peer);
  });
}

test('RFC 9113 4.1: the reserved bit and unknown flags of HEADERS mean nothing', () => {
  const peer = opened();
  peer.frame(FRAME.headers, END | 0xd2, 2 ** 31 + 3, BLOCK);
  assert.equal(peer.requestOn(3).fields.path, '/');
  assertGoesOn(peer);
});

test('RFC 9113 4.2: frames of 16,384 octets are taken', () => {
  const peer = opened();
  peer.data(1, Buffer.alloc(16_384, 'x'));
  assertGoesOn(peer, 'x'.repeat(16_384));
});

test('RFC 9113 6.1: padding is no content', () => {
  const peer = opened();
  peer.frame(FRAME.data, FLAG.padded, 1, '\x03abc\0\0\0');
  peer.frame(FRAME.data, FLAG.padded, 1, '\x00def');
  peer.frame(FRAME.data, FLAG.padded, 1, `${'\xff'}g${'\0'.repeat(255)}`);
  assertGoesOn(peer, 'abcdefg');
});

test('RFC 9113 6.1: END_STREAM counts on DATA of padding alone', () => {
  const peer = opened();
  peer.frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, Buffer.from([2, 0, 0]));
  assert.equal(peer.requestOn(1).trailers, '');
});

for (const [what, flags, payload] of [
  ['padding', FLAG.padded, Buffer.concat([Buffer.from([3]), BLOCK, Buffer.alloc(3)])],
  ['a padding of 0', FLAG.padded, Buffer.concat([Buffer.from([0]), BLOCK])],
  ['a priority', FLAG.priority, Buffer.concat([Buffer.alloc(5), BLOCK])],
  ['an exclusive priority', FLAG.priority, Buffer.concat([uint32(2 ** 31 + 1), Buffer.from([255]), BLOCK])],
  ['both', FLAG.padded | FLAG.priority, Buffer.concat([Buffer.from([2]), Buffer.alloc(5), BLOCK, Buffer.alloc(2)])],
] as const) {
  test(`RFC 9113 6.2: HEADERS may have ${what}`, () => {
    const peer = opened();
    peer.frame(FRAME.headers, END | flags, 3, payload);
    assert.equal(peer.requestOn(3).fields.path, '/');
    assertGoesOn(peer);
  });
}

for (const [what, parts] of [
  ['one CONTINUATION', [BLOCK.subarray(0, 10), BLOCK.subarray(10)]],
  [
    'an octet a frame',
    Array.from(BLOCK.subarray(0, 20), (octet) => Buffer.from([octet])).concat(Buffer.from(BLOCK.subarray(20))),
  ],
  ['an empty HEADERS first', [Buffer.alloc(0), BLOCK]],
  ['an empty CONTINUATION last', [BLOCK, Buffer.alloc(0)]],
  ['an empty CONTINUATION between', [BLOCK.subarray(0, 3), Buffer.alloc(0), BLOCK.subarray(3)]],
] as const) {
  test(`RFC 9113 6.10: a header block may come with ${what}`, () => {
    const peer = opened();
    const last = parts.length - 1;
    parts.forEach((part, index) => {
      const flags = (index === 0 ? FLAG.endStream : 0) | (index === last ? FLAG.endHeaders : 0);
      peer.frame(index === 0 ? FRAME.headers : FRAME.continuation, flags, 3, part);
    });
    assert.equal(peer.requestOn(3).fields.path, '/');
    assert.equal(peer.requestOn(3).trailers, '');
    assertGoesOn(peer);
  });
}

test('RFC 9113 6.10: END_STREAM is a flag of HEADERS and not of CONTINUATION', () => {
  const peer = opened();
  peer.frame(FRAME.headers, 0, 3, BLOCK);
  peer.frame(FRAME.continuation, FLAG.endHeaders | FLAG.endStream, 3);
  assert.equal(peer.requestOn(3).trailers, undefined);
  assertGoesOn(peer);
});

test('RFC 9113 6.7: a PING is answered with the same octets', () => {
  const peer = opened();
  peer.ping('\x00\x01\x02\x03\xfc\xfd\xfe\xff');
  const [answer] = peer.of(FRAME.ping);
  assert.equal(answer?.flags, FLAG.ack);
  assert.equal(answer?.payload.toString('latin1'), '\x00\x01\x02\x03\xfc\xfd\xfe\xff');
  peer.frame(FRAME.ping, FLAG.ack, 0, 'anything');
  assert.equal(peer.of(FRAME.ping).length, 1);
});

test('frames may come in pieces of any length', () => {
  const bytes = Buffer.concat([
    Buffer.from(CLIENT_PREFACE, 'latin1'),
    settingsBytes([[SETTING.initialWindowSize, 70_000]]),
    frameBytes(FRAME.headers, FLAG.padded, 1, Buffer.concat([Buffer.from([2]), BLOCK.subarray(0, 9), Buffer.alloc(2)])),
    frameBytes(FRAME.continuation, FLAG.endHeaders, 1, BLOCK.subarray(9)),
    frameBytes(FRAME.data, FLAG.padded, 1, '\x05content\0\0\0\0\0'),
    frameBytes(FRAME.ping, 0, 0, '8 octets'),
    frameBytes(FRAME.data, FLAG.endStream, 1, 'more'),
  ]);
  for (const size of [1, 2, 3, 7, 8, 9, 10, 11, 50, 1000]) {
    const peer = new SessionPeer();
    for (let at = 0; at < bytes.length; at += size) peer.send(bytes.subarray(at, at + size));
    const request = peer.requestOn(1);
    assert.equal(request.content, 'contentmore');
    assert.equal(request.trailers, '');
    assert.equal(request.stream.sendWindow, 70_000);
    assert.equal(peer.of(FRAME.ping).length, 1);
    assert.deepEqual(peer.breaches, []);
  }
});

test('RFC 9113 3.4: the preface of the server is SETTINGS, and comes first', () => {
  const peer = new SessionPeer();
  peer.turn();
  const [first] = peer.frames;
  assert.deepEqual([first?.type, first?.flags, first?.streamId], [FRAME.settings, 0, 0]);
});

test('RFC 9113 6.5.3: SETTINGS is acknowledged at once, and each', () => {
  const peer = SessionPeer.opened();
  peer.send(Buffer.concat([settingsBytes([]), frameBytes(FRAME.ping, 0, 0, '8 octets'), settingsBytes([[3, 1]])]));
  assert.deepEqual(
    peer.frames.map(({ type, flags, payload }) => [type, flags, payload.length]),
    [
      [FRAME.settings, FLAG.ack, 0],
      [FRAME.ping, FLAG.ack, 8],
      [FRAME.settings, FLAG.ack, 0],
    ],
  );
});

for (const [what, bytes] of [
  ['another preface', `${CLIENT_PREFACE.replace('SM', 'MS')}`],
  ['a request of HTTP/1.1', 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'],
  ['an octet that is wrong', 'X'],
  ['PING before SETTINGS', `${CLIENT_PREFACE}${frameBytes(FRAME.ping, 0, 0, '8 octets').toString('latin1')}`],
  [
    'an acknowledgement before SETTINGS',
    `${CLIENT_PREFACE}${frameBytes(FRAME.settings, FLAG.ack, 0).toString('latin1')}`,
  ],
  ['a request before SETTINGS', `${CLIENT_PREFACE}${frameBytes(FRAME.headers, END, 1, BLOCK).toString('latin1')}`],
  ['a frame of unknown type before SETTINGS', `${CLIENT_PREFACE}${frameBytes(UNKNOWN_TYPE, 0, 0).toString('latin1')}`],
] as const) {
  test(`RFC 9113 3.4: ${what} is a connection error of type PROTOCOL_ERROR`, () => {
    for (const size of [1, 5, 1000]) {
      const peer = new SessionPeer();
      for (let at = 0; at < bytes.length; at += size) peer.send(bytes.slice(at, at + size));
      assert.deepEqual(peer.goaways, [{ lastStreamId: 0, code: 'PROTOCOL_ERROR' }]);
      assert.equal(peer.heard.size, 0);
      assert.deepEqual(peer.breaches, ['PROTOCOL_ERROR']);
    }
  });
}
