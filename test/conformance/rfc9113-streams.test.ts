// RFC 9113 5.1 and 6.8: what comes for streams that have ended, how many there may be, and how a connection ends in peace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { type FieldPair, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { FLAG, FRAME, uint32 } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';

const POST = requestFields([[':method', 'POST']]);
const END = FLAG.endStream | FLAG.endHeaders;

function assertUnharmed(peer: SessionPeer): void {
  assert.deepEqual(peer.breaches, []);
  assert.deepEqual(peer.goaways, []);
}

/** The next request comes through whole. */
function assertServes(peer: SessionPeer, streamId: number): void {
  peer.request(streamId, '/next', { body: 'content' });
  assert.equal(peer.requestOn(streamId).fields.path, '/next');
  assert.equal(peer.requestOn(streamId).content, 'content');
}

const LATE = {
  WINDOW_UPDATE: (peer: SessionPeer) => peer.windowUpdate(1, 1),
  RST_STREAM: (peer: SessionPeer) => peer.rst(1),
  PRIORITY: (peer: SessionPeer) => peer.frame(FRAME.priority, 0, 1, Buffer.alloc(5)),
  'PRIORITY of a wrong length': (peer: SessionPeer) => peer.frame(FRAME.priority, 0, 1, ''),
  'an unknown frame': (peer: SessionPeer) => peer.frame(0x42, 0, 1, 'what'),
} as const;

for (const [what, send] of Object.entries(LATE)) {
  test(`RFC 9113 5.1: ${what} may come behind END_STREAM of both sides`, () => {
    const peer = SessionPeer.opened();
    peer.request(1, '/');
    peer.respond(1);
    send(peer);
    assertUnharmed(peer);
    assertServes(peer, 3);
  });

  test(`RFC 9113 5.1: ${what} may come behind RST_STREAM of ours`, () => {
    const peer = SessionPeer.opened();
    peer.headers(1, POST);
    peer.requestOn(1).stream.reset('CANCEL');
    send(peer);
    assertUnharmed(peer);
    assert.deepEqual(peer.resets(1), ['CANCEL']);
    assertServes(peer, 3);
  });

  test(`RFC 9113 5.1: ${what} may come behind RST_STREAM of the client`, () => {
    const peer = SessionPeer.opened();
    peer.headers(1, POST);
    peer.rst(1);
    send(peer);
    assertUnharmed(peer);
    assert.deepEqual(peer.resets(1), []);
    assertServes(peer, 3);
  });
}

test('RFC 9113 5.4.2: content and trailers that were under way when we reset a stream are ignored', () => {
  const peer = SessionPeer.opened();
  peer.headers(1, [...POST, ['content-length', '1']]);
  peer.requestOn(1).stream.reset('CANCEL');
  peer.data(1, 'ignored');
  peer.frame(FRAME.data, FLAG.padded, 1, Buffer.from([1, 65, 0]));
  // Trailers go through the decoder all the same: the table is the connection's.
  peer.frame(FRAME.headers, END, 1, hpackLiteral(['x-kept', 'value'], 'kept'));
  assertUnharmed(peer);
  assert.deepEqual(peer.resets(1), ['CANCEL']);
  const fields = [...requestFields().map((field) => hpackLiteral(field)), hpackIndexed(62)];
  peer.frame(FRAME.headers, END, 3, Buffer.concat(fields));
  assert.equal(peer.requestOn(3).fields.text, 'x-kept: value\r\n');
});

test('RFC 9113 6.9: content on a stream that we have reset counts, and is given back', () => {
  const peer = SessionPeer.opened({ connectionWindow: 65_535 });
  peer.headers(1, POST);
  peer.requestOn(1).stream.reset('CANCEL');
  for (let sent = 0; sent < 200_000; sent += 16_000) peer.data(1, Buffer.alloc(16_000));
  assertUnharmed(peer);
  assert.ok(peer.granted(0) > 200_000 - 65_535);
  assert.equal(peer.granted(1), 0);
});

test('RFC 9113 5.1: however many streams we have reset, what was under way for any of them is ignored', () => {
  const peer = SessionPeer.opened({ maxStreams: 10_000 });
  const last = 2 * 3000 + 1;
  for (let id = 1; id <= last; id += 2) peer.headers(id, POST);
  for (let id = 1; id <= last; id += 2) peer.requestOn(id).stream.reset('NO_ERROR');
  for (let id = 1; id <= last; id += 2) peer.data(id, 'under way', FLAG.endStream);
  assertUnharmed(peer);
});

test('RFC 9113 5.1.2: streams beyond the limit are refused, and what comes for them is ignored', () => {
  const peer = SessionPeer.opened({ maxStreams: 2 });
  peer.headers(1, POST);
  peer.request(3, '/');
  peer.headers(5, POST);
  peer.data(5, 'ignored', FLAG.endStream);
  peer.request(7, '/');
  assert.deepEqual([peer.resets(5), peer.resets(7)], [['REFUSED_STREAM'], ['REFUSED_STREAM']]);
  assert.deepEqual(peer.breaches, ['REFUSED_STREAM', 'REFUSED_STREAM']);
  assert.deepEqual(peer.goaways, []);
  peer.respond(3);
  assertServes(peer, 9);
});

test('RFC 9113 5.1.2: a stream counts until both sides have ended it', () => {
  const peer = SessionPeer.opened({ maxStreams: 1 });
  peer.headers(1, POST);
  peer.respond(1, {}, 'answer');
  peer.request(3, '/');
  assert.deepEqual(peer.resets(3), ['REFUSED_STREAM']);
  peer.data(1, '', FLAG.endStream);
  assertServes(peer, 5);
});

test('RFC 9113 5.1.1: stream numbers may be passed over, up to the last one', () => {
  const peer = SessionPeer.opened();
  assertServes(peer, 5);
  assertServes(peer, 101);
  assertServes(peer, 2 ** 31 - 1);
  assertUnharmed(peer);
});

for (const [what, send] of [
  ['DATA', (peer: SessionPeer) => peer.data(1, 'x')],
  ['HEADERS', (peer: SessionPeer) => peer.headers(1, [['x-late', '1']], FLAG.endStream)],
  ['a request', (peer: SessionPeer) => peer.request(1, '/')],
] as const) {
  test(`RFC 9113 5.1: ${what} behind END_STREAM of both sides is a connection error of type STREAM_CLOSED`, () => {
    const peer = SessionPeer.opened();
    peer.request(1, '/');
    peer.respond(1);
    send(peer);
    assert.deepEqual(peer.goaways, [{ lastStreamId: 1, code: 'STREAM_CLOSED' }]);
  });
}

test('RFC 9113 6.8: before the second GOAWAY streams count as ever, behind it they are ignored', () => {
  const peer = SessionPeer.opened();
  peer.headers(1, POST);
  peer.session.announceEnd();
  peer.turn();
  assert.deepEqual(peer.goaways, [{ lastStreamId: 2 ** 31 - 1, code: 'NO_ERROR' }]);
  assertServes(peer, 3);
  peer.session.endStreams();
  peer.turn();
  assert.deepEqual(peer.goaways.at(-1), { lastStreamId: 3, code: 'NO_ERROR' });
  peer.headers(5, POST);
  peer.data(5, 'ignored');
  peer.windowUpdate(5, 1);
  peer.frame(FRAME.priority, 0, 5, Buffer.alloc(5));
  peer.headers(5, [['x-trailer', '1']], FLAG.endStream);
  peer.request(9, '/');
  peer.rst(9);
  assert.equal(peer.heard.size, 2);
  assert.deepEqual(peer.breaches, []);
  peer.data(1, 'content', FLAG.endStream);
  assert.equal(peer.requestOn(1).content, 'content');
  assert.equal(peer.goaways.length, 2);
});

test('RFC 9113 6.8: behind the second GOAWAY fields are decoded and content is counted', () => {
  const peer = SessionPeer.opened({ connectionWindow: 65_535 });
  peer.headers(1, POST);
  peer.session.announceEnd();
  peer.session.endStreams();
  const kept: FieldPair = ['x-kept', 'value'];
  peer.frame(
    FRAME.headers,
    FLAG.endHeaders,
    3,
    Buffer.concat([...POST.map((f) => hpackLiteral(f)), hpackLiteral(kept, 'kept')]),
  );
  for (let sent = 0; sent < 200_000; sent += 10_000) peer.data(3, Buffer.alloc(10_000));
  assert.ok(peer.granted(0) > 200_000 - 65_535);
  peer.frame(FRAME.headers, END, 1, hpackIndexed(62));
  assert.equal(peer.requestOn(1).trailers, 'x-kept: value\r\n');
  assert.deepEqual(peer.breaches, []);
});

test('RFC 9113 6.8: the last stream in GOAWAY is never increased', () => {
  const peer = SessionPeer.opened();
  peer.headers(1, POST);
  peer.session.announceEnd();
  peer.session.endStreams();
  peer.headers(3, POST);
  peer.request(5, '/');
  peer.windowUpdate(0, 0);
  assert.deepEqual(peer.goaways, [
    { lastStreamId: 2 ** 31 - 1, code: 'NO_ERROR' },
    { lastStreamId: 1, code: 'NO_ERROR' },
    { lastStreamId: 1, code: 'PROTOCOL_ERROR' },
  ]);
});

test('RFC 9113 8.7: a stream whose request came through is never told to be unprocessed', () => {
  const peer = SessionPeer.opened();
  peer.request(1, '/');
  peer.request(3, '/');
  peer.frame(FRAME.ping, 0, 1, '8 octets');
  assert.deepEqual(peer.goaways, [{ lastStreamId: 3, code: 'PROTOCOL_ERROR' }]);
});

test('RFC 9113 7: a reset with an unknown code ends the stream like any other', () => {
  const peer = SessionPeer.opened();
  peer.request(1, '/');
  peer.frame(FRAME.rstStream, 0, 1, uint32(0xdeadbeef));
  assert.deepEqual(peer.requestOn(1).loss, {
    code: 'INTERNAL_ERROR',
    by: 'peer',
    reason: 'RST_STREAM INTERNAL_ERROR',
    isUnprocessed: false,
  });
  assertServes(peer, 3);
});
