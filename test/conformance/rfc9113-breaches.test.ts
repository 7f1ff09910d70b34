// RFC 9113 4 to 8: every breach costs what the RFC says, and nothing more. The same breaches go through a gateway in
// rfc9113-gateway-breaches.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { type Breach, titleOf } from '../support/http2-breach.ts';
import { FRAME_BREACHES } from '../support/http2-frame-breaches.ts';
import { FLAG, FRAME } from '../support/http2-frames.ts';
import { MESSAGE_BREACHES } from '../support/http2-message-breaches.ts';
import { SessionPeer } from '../support/http2-session.ts';
import { STREAM_BREACHES } from '../support/http2-stream-breaches.ts';

function opened(): SessionPeer {
  const peer = SessionPeer.opened();
  peer.headers(1, requestFields([[':method', 'POST']], [[':path', '/hold']]));
  return peer;
}

/** RFC 9113 5.4.1: GOAWAY, and then the end of the connection. */
function assertConnectionError(peer: SessionPeer, { code, kind = code }: Breach): void {
  assert.deepEqual(
    peer.goaways.map((goaway) => goaway.code),
    [code],
  );
  // "the last stream that it successfully received from its peer"
  assert.ok((peer.goaways[0]?.lastStreamId ?? 0) >= Math.max(...peer.heard.keys()));
  assert.deepEqual(peer.breaches, [kind]);
  assert.equal(peer.requestOn(1).loss?.by, 'connection');
  assert.equal(peer.session.streams.size, 0);
  const said = peer.frames.length;
  peer.ping();
  peer.request(99, '/');
  assert.equal(peer.frames.length, said);
}

/** RFC 9113 5.4.2: one RST_STREAM, while the other streams and what they share go on. */
function assertStreamError(peer: SessionPeer, { code, kind = code, streamId = 0 }: Breach): void {
  assert.deepEqual(peer.resets(streamId), [code]);
  assert.deepEqual(peer.breaches, [kind]);
  assert.equal(peer.session.streams.has(streamId), false);
  if (peer.heard.has(streamId)) assert.equal(peer.requestOn(streamId).loss?.by, 'breach');
  peer.data(1, 'whole', FLAG.endStream);
  assert.equal(peer.requestOn(1).content, 'whole');
  peer.respond(1, {}, 'answer');
  assert.equal(peer.contentOf(1), 'answer');
  // The table of HPACK is in step, and so is the window.
  const kept = hpackLiteral(['x-kept', 'value'], 'kept');
  const request = Buffer.concat([...requestFields().map((field) => hpackLiteral(field)), kept, hpackIndexed(62)]);
  peer.frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 9, request);
  assert.equal(peer.requestOn(9).fields.text, 'x-kept: value\r\nx-kept: value\r\n');
  assert.deepEqual(peer.goaways, []);
}

for (const breach of [...FRAME_BREACHES, ...STREAM_BREACHES, ...MESSAGE_BREACHES]) {
  test(titleOf(breach), () => {
    const peer = opened();
    breach.send(peer);
    if (breach.streamId === undefined) assertConnectionError(peer, breach);
    else assertStreamError(peer, breach);
  });
}
