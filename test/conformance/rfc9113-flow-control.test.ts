// RFC 9113 5.2, 6.9 and 6.5.2: windows, ours and the client's, and what changes of settings do to them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { FLAG, FRAME, SETTING, settingsBytes } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';

const POST = requestFields([[':method', 'POST']]);
/** Requests for it are not taken: content stays where it is until the test takes it. */
const HOLD = requestFields([[':method', 'POST']], [[':path', '/hold']]);
const DEFAULT_WINDOW = 65_535;

function assertUnharmed(peer: SessionPeer): void {
  assert.deepEqual(peer.breaches, []);
  assert.deepEqual(peer.goaways, []);
  assert.deepEqual(peer.of(FRAME.rstStream), []);
}

/** Answers stream 1 with so many octets, without its end. */
function answer(peer: SessionPeer, octets: number, streamId = 1): void {
  const { stream } = peer.requestOn(streamId);
  peer.session.respond(stream, { status: 200, lines: '', contentLength: -1 }, false);
  stream.send(Buffer.alloc(octets, 'x'));
  peer.turn();
}

// What we may send.

test('RFC 9113 6.9.2: without any settings, 65,535 octets are sent on a stream, and on the connection', () => {
  const peer = SessionPeer.opened();
  peer.request(1, '/');
  answer(peer, 100_000);
  assert.equal(peer.contentOf(1).length, DEFAULT_WINDOW);
  peer.request(3, '/');
  answer(peer, 10, 3);
  assert.equal(peer.contentOf(3), '');
  peer.windowUpdate(0, 100_000);
  assert.equal(peer.contentOf(3).length, 10);
  assert.equal(peer.contentOf(1).length, DEFAULT_WINDOW);
  peer.windowUpdate(1, 100_000);
  assert.equal(peer.contentOf(1).length, 100_000);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.1: never more than the smaller window is sent, to the octet', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 10]]);
  peer.request(1, '/');
  answer(peer, 100);
  assert.equal(peer.contentOf(1).length, 10);
  peer.windowUpdate(1, 1);
  assert.equal(peer.contentOf(1).length, 11);
  peer.windowUpdate(1, 50);
  assert.equal(peer.contentOf(1).length, 61);
  peer.windowUpdate(1, 2 ** 31 - 1);
  assert.equal(peer.contentOf(1).length, 100);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.1: heads, trailers and the end are sent without any window', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 0]]);
  peer.request(1, '/');
  peer.respond(1);
  assert.equal(peer.of(FRAME.headers, 1)[0]?.flags, FLAG.endHeaders | FLAG.endStream);
  peer.request(3, '/');
  answer(peer, 0, 3);
  peer.requestOn(3).stream.end();
  peer.turn();
  assert.deepEqual(
    peer.of(FRAME.data, 3).map(({ flags, payload }) => [flags, payload.length]),
    [[FLAG.endStream, 0]],
  );
  peer.request(5, '/');
  answer(peer, 0, 5);
  peer.requestOn(5).stream.end('x-trailer: 1\r\n');
  peer.turn();
  assert.deepEqual(peer.of(FRAME.headers, 5)[1]?.fields, [['x-trailer', '1']]);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.2: a changed initial window moves those of open streams, and not that of the connection', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 10]]);
  peer.request(1, '/');
  answer(peer, 200_000);
  peer.settings([SETTING.initialWindowSize, 30]);
  assert.equal(peer.contentOf(1).length, 30);
  peer.settings([SETTING.initialWindowSize, 1_000_000]);
  assert.equal(peer.contentOf(1).length, DEFAULT_WINDOW);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.2: a window may become negative, and nothing is sent until it is positive again', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 100]]);
  peer.request(1, '/');
  answer(peer, 1000);
  assert.equal(peer.contentOf(1).length, 100);
  peer.settings([SETTING.initialWindowSize, 40]);
  assert.equal(peer.requestOn(1).stream.sendWindow, -60);
  peer.windowUpdate(1, 59);
  assert.equal(peer.contentOf(1).length, 100);
  peer.windowUpdate(1, 1);
  assert.equal(peer.contentOf(1).length, 100);
  peer.windowUpdate(1, 5);
  assert.equal(peer.contentOf(1).length, 105);
  peer.settings([SETTING.initialWindowSize, 0]);
  peer.settings([SETTING.initialWindowSize, 41]);
  assert.equal(peer.contentOf(1).length, 106);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.2: a stream whose window has shrunk while it waited for the connection does not hold up others', () => {
  const peer = SessionPeer.opened();
  peer.request(1, '/');
  answer(peer, DEFAULT_WINDOW + 1);
  peer.windowUpdate(1, 10);
  peer.request(3, '/');
  answer(peer, 10, 3);
  peer.settings([SETTING.initialWindowSize, 20]);
  peer.windowUpdate(0, 1000);
  assert.equal(peer.contentOf(1).length, DEFAULT_WINDOW);
  assert.equal(peer.contentOf(3).length, 10);
  assertUnharmed(peer);
});

test('RFC 9113 6.5.3: of one setting that comes twice in a frame, the last one holds', () => {
  const peer = SessionPeer.opened();
  peer.settings([SETTING.initialWindowSize, 2 ** 31 - 1], [SETTING.initialWindowSize, 7]);
  peer.request(1, '/');
  answer(peer, 100);
  assert.equal(peer.contentOf(1).length, 7);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.1: windows of up to 2^31-1 are taken', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 2 ** 31 - 1]]);
  peer.request(1, '/');
  peer.windowUpdate(0, 2 ** 31 - 1 - DEFAULT_WINDOW);
  answer(peer, 300_000);
  assert.equal(peer.contentOf(1).length, 300_000);
  peer.windowUpdate(1, 300_000);
  peer.windowUpdate(0, 300_000);
  assertUnharmed(peer);
});

test('RFC 9113 4.2: content is sent in frames of at most 16,384 octets whatever the client would take', () => {
  const peer = SessionPeer.opened({}, [
    [SETTING.maxFrameSize, 2 ** 24 - 1],
    [SETTING.initialWindowSize, 2 ** 20],
  ]);
  peer.windowUpdate(0, 2 ** 20);
  peer.request(1, '/');
  answer(peer, 100_000);
  assert.equal(peer.contentOf(1).length, 100_000);
  assert.ok(peer.of(FRAME.data).every(({ payload }) => payload.length <= 16_384));
});

// What the client may send.

test('RFC 9113 6.9.1: content up to the last octet of the stream window is taken, the next one is not', () => {
  const peer = SessionPeer.opened({ streamWindow: 100_000 });
  peer.headers(1, HOLD);
  for (let sent = 0; sent < 100_000; sent += 10_000) peer.data(1, Buffer.alloc(10_000));
  assertUnharmed(peer);
  peer.data(1, '');
  assertUnharmed(peer);
  peer.data(1, 'x');
  assert.deepEqual(peer.resets(1), ['FLOW_CONTROL_ERROR']);
});

test('RFC 9113 6.9.1: padding and the octet that tells its length count', () => {
  const peer = SessionPeer.opened({ streamWindow: 65_536 });
  peer.headers(1, HOLD);
  for (let frames = 0; frames < 256; frames++) peer.frame(FRAME.data, FLAG.padded, 1, Buffer.alloc(256, 254));
  // All of it was padding but an octet a frame, and padding is given back at once.
  assert.equal(peer.requestOn(1).content.length, 256);
  assert.equal(peer.granted(1) + peer.requestOn(1).stream.unannounced, 65_536 - 256);
  assertUnharmed(peer);
});

test('RFC 9113 6.9.1: content beyond the connection window is a connection error of type FLOW_CONTROL_ERROR', () => {
  const peer = SessionPeer.opened({ connectionWindow: 100_000, streamWindow: 65_536 });
  peer.headers(1, HOLD);
  peer.headers(3, HOLD);
  for (let sent = 0; sent < 50_000; sent += 10_000) peer.data(1, Buffer.alloc(10_000));
  for (let sent = 0; sent < 50_000; sent += 10_000) peer.data(3, Buffer.alloc(10_000));
  assertUnharmed(peer);
  peer.data(3, 'x');
  assert.equal(peer.goaways.at(-1)?.code, 'FLOW_CONTROL_ERROR');
});

test('RFC 9113 6.9: content of a stream in error counts toward the window of the connection', () => {
  const peer = SessionPeer.opened({ connectionWindow: DEFAULT_WINDOW, streamWindow: 65_536 });
  // Each costs its stream, as it is more than content-length says: were it not given back, the window would end.
  for (let id = 1; id < 41; id += 2) {
    peer.headers(id, [...HOLD, ['content-length', '5']]);
    peer.data(id, Buffer.alloc(16_000));
    assert.deepEqual(peer.resets(id), ['PROTOCOL_ERROR']);
  }
  assert.deepEqual(peer.goaways, []);
  assert.ok(peer.granted(0) > 20 * 16_000 - DEFAULT_WINDOW);
});

test('content that is taken is given back, on the stream and on the connection, half a window at a time', () => {
  const peer = SessionPeer.opened({ connectionWindow: 131_072, streamWindow: 65_536 });
  peer.headers(1, POST);
  for (let sent = 0; sent < 1_000_000; sent += 10_000) peer.data(1, Buffer.alloc(10_000));
  assertUnharmed(peer);
  const updates = peer.of(FRAME.windowUpdate);
  assert.ok(updates.every(({ streamId, payload }) => payload.readUInt32BE(0) >= (streamId === 0 ? 65_536 : 32_768)));
  assert.ok(peer.granted(1) >= 1_000_000 - 65_536 / 2);
});

test('a stream that has ended gets no more window', () => {
  const peer = SessionPeer.opened({ streamWindow: 16_384 });
  peer.headers(1, HOLD);
  peer.data(1, Buffer.alloc(16_384), FLAG.endStream);
  peer.requestOn(1).stream.consumed(16_384);
  peer.turn();
  assert.equal(peer.granted(1), 0);
});

test('RFC 9113 6.9.3: a client that has not acknowledged our settings may use the window it knows', () => {
  const peer = new SessionPeer({ streamWindow: 16_384 });
  peer.preface();
  peer.headers(1, HOLD);
  peer.headers(3, HOLD);
  for (const id of [1, 3]) for (let sent = 0; sent < 60_000; sent += 12_000) peer.data(id, Buffer.alloc(12_000));
  assertUnharmed(peer);
  peer.frame(FRAME.settings, FLAG.ack, 0);
  // It recalculates what it has left as negative (6.9.2), and goes on when that has been given back.
  peer.requestOn(1).stream.consumed(60_000);
  peer.turn();
  assert.equal(peer.granted(1), 60_000);
  peer.data(1, Buffer.alloc(16_384));
  assertUnharmed(peer);
  peer.data(3, '', FLAG.endStream);
  assert.equal(peer.requestOn(3).trailers, '');
  peer.data(1, 'x');
  assert.deepEqual(peer.resets(1), ['FLOW_CONTROL_ERROR']);
});

test('RFC 9113 6.9.3: streams that are opened behind the acknowledgement have the window that we announce', () => {
  const peer = SessionPeer.opened({ streamWindow: 16_384 });
  peer.headers(1, HOLD);
  peer.data(1, Buffer.alloc(16_384));
  assertUnharmed(peer);
  peer.data(1, 'x');
  assert.deepEqual(peer.resets(1), ['FLOW_CONTROL_ERROR']);
});

test('RFC 9113 6.5.3: settings and what follows them in one packet are taken in their order', () => {
  const peer = SessionPeer.opened();
  peer.request(1, '/');
  answer(peer, 100_000);
  peer.send(
    Buffer.concat([
      settingsBytes([[SETTING.initialWindowSize, 0]]),
      settingsBytes([[SETTING.initialWindowSize, DEFAULT_WINDOW + 1]]),
      settingsBytes([[SETTING.initialWindowSize, DEFAULT_WINDOW + 9]]),
    ]),
  );
  peer.windowUpdate(0, 1000);
  assert.equal(peer.contentOf(1).length, DEFAULT_WINDOW + 9);
  assertUnharmed(peer);
});
