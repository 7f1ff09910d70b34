// The HTTP/2 engine under mutated conversations: it never fails in a way of its own, what it says is valid and within the windows that
// it was given, nothing of the windows that it gives is lost, all streams end, and it does not matter how bytes are split.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG, FRAME, type Frame } from '../support/http2-frames.ts';
import { type HeardStream, SessionPeer } from '../support/http2-session.ts';
import { Conversation, mutated, pieces } from './http2-conversations.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const CONNECTION_WINDOW = 200_000;
const LIMITS = { connectionWindow: CONNECTION_WINDOW, streamWindow: 65_536, maxStreams: 4, maxHeadBytes: 2000 };

/** Answers by the number of the stream, so that it is the same whenever the same comes. */
function answer(peer: SessionPeer, heard: HeardStream): void {
  const { stream } = heard;
  heard.takes = stream.id % 3 !== 0;
  if (stream.id % 11 === 7) return;
  const head = { status: 200, lines: `x-stream: ${stream.id}\r\n`, contentLength: -1 };
  const isEmpty = stream.id % 4 === 1;
  peer.session.respond(stream, head, isEmpty);
  if (isEmpty) return;
  stream.send(Buffer.alloc((stream.id % 1000) * 700, 'a'));
  stream.end(stream.id % 5 === 3 ? 'x-trailer: 1\r\n' : '');
}

/** Checks what the session keeps, between any two pieces that come. */
function assertBalanced(peer: SessionPeer): void {
  const { session } = peer;
  assert.ok(session.queue.window >= 0, 'more content was sent than the connection window let');
  assert.ok(session.streams.size <= LIMITS.maxStreams);
  // The length of DATA counts when it begins.
  if (session.isInFrame) return;
  for (const stream of session.streams.values()) {
    assert.ok(!stream.closed && !(stream.localEnded && stream.remoteEnded), 'a stream that has ended is kept');
    const heard = peer.requestOn(stream.id);
    const held = heard.takes ? 0 : heard.content.length;
    if (!stream.remoteEnded)
      assert.equal(stream.receiveWindow + stream.unannounced + held, LIMITS.streamWindow, `stream ${stream.id} drifts`);
  }
}

/** Checks what was sent on each stream: HEADERS, then DATA, then perhaps HEADERS; behind END_STREAM what a receiver may say (5.1). */
function assertValidOutput(peer: SessionPeer): void {
  const begun = new Set<number>();
  const ended = new Set<number>();
  const reset = new Set<number>();
  for (const { type, flags, streamId } of peer.frames) {
    if (streamId === 0) continue;
    assert.ok(!reset.has(streamId), 'a frame behind RST_STREAM');
    if (type === FRAME.rstStream) reset.add(streamId);
    if (type > FRAME.headers) continue;
    assert.ok(!ended.has(streamId), 'content behind END_STREAM');
    assert.ok(type === FRAME.headers || begun.has(streamId), 'content before a head');
    begun.add(streamId);
    if ((flags & FLAG.endStream) !== 0) ended.add(streamId);
  }
}

/** Runs a conversation to its end: of the bytes, and of the connection. */
function run(parts: readonly Buffer[]): SessionPeer {
  const peer = new SessionPeer(LIMITS);
  peer.onRequest = (heard) => answer(peer, heard);
  for (const part of parts) {
    peer.send(part);
    assertBalanced(peer);
  }
  return peer;
}

/** Ends the connection, whatever is left of it: nothing stays behind, and the client's window is whole. */
function finish(peer: SessionPeer): void {
  assertValidOutput(peer);
  const { session } = peer;
  for (const { stream, content, takes } of peer.heard.values()) {
    stream.reset('CANCEL');
    if (!takes) stream.consumed(content.length);
  }
  assert.equal(session.streams.size, 0);
  // Room is given back half a window at a time; what a frame that has not ended takes of it, it takes at once.
  if (!session.over && !session.isInFrame) assert.ok(session.receiveWindow.bytes > CONNECTION_WINDOW / 2);
  session.closed('the test is over');
}

/** What must not depend on how bytes were split: all but how room is given back. */
function story(peer: SessionPeer) {
  const told = ({ type, flags, streamId, payload, fields }: Frame) =>
    `${type} ${flags} ${streamId} ${fields ? JSON.stringify(fields) : payload.toString('hex')}`;
  return {
    frames: peer.frames.filter(({ type }) => type !== FRAME.windowUpdate && type !== FRAME.data).map(told),
    content: [...peer.heard.keys()].map((id) => peer.contentOf(id)),
    requests: [...peer.heard].map(([id, { fields, content, trailers, loss }]) => [
      id,
      fields.text,
      fields.malformed,
      // Of a frame that goes beyond content-length, what came before it was found out has been passed on.
      loss?.by === 'breach' ? '' : content,
      trailers,
      loss,
    ]),
    breaches: peer.breaches,
  };
}

test('mutated conversations: whatever comes, the session keeps its books and says only what may be said', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const counts: Record<string, number> = {};
  for (let round = 0; round < fuzzRounds(1500); round++) {
    const bytes = mutated(mutator, new Conversation(mutator, mutator.pick([0, 0, 0.05, 0.3])).frames());
    const whole = run([bytes]);
    const split = run(pieces(mutator, bytes));
    assert.deepEqual(story(split), story(whole), `round ${round}`);
    const end = whole.failure?.kind ?? (whole.breaches.length > 0 ? 'stream errors' : 'no error');
    counts[end] = (counts[end] ?? 0) + 1;
    finish(whole);
    finish(split);
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts['no error'] ?? 0) > 0 && (counts['stream errors'] ?? 0) > 0 && (counts.PROTOCOL_ERROR ?? 0) > 0);
});
