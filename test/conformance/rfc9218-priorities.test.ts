// RFC 9218: what is sent first where not everything can be sent at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, SETTING, uint32 } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';

const PRIORITY_UPDATE = 16;
const OCTETS = 40_000;

/** Streams have all the window they want, the connection has none. */
function shut(): SessionPeer {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 2 ** 30]]);
  peer.request(1, '/');
  peer.respond(1, {}, 'x'.repeat(65_535));
  assert.equal(peer.session.queue.window, 0);
  peer.frames.length = 0;
  return peer;
}

/** Asks for 40,000 octets on stream `id`. */
function ask(peer: SessionPeer, id: number, priority?: string): void {
  peer.request(id, '/', { fields: priority === undefined ? [] : [['priority', priority]] });
  peer.respond(id, {}, 'x'.repeat(OCTETS));
}

function update(peer: SessionPeer, id: number, priority: string): void {
  peer.frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(id), Buffer.from(priority)]));
}

/** Opens the connection's window; returns the streams whose DATA comes, each once for as long as it has its turn. */
function order(peer: SessionPeer): readonly number[] {
  peer.windowUpdate(0, 1_000_000);
  return peer
    .of(FRAME.data)
    .map(({ streamId }) => streamId)
    .filter((id, index, all) => id !== all[index - 1]);
}

test('RFC 9218 4.1: the more urgent go first, whenever they came', () => {
  const peer = shut();
  ask(peer, 3, 'u=5');
  ask(peer, 5, 'u=1');
  ask(peer, 7, 'u=7');
  ask(peer, 9, 'u=0');
  ask(peer, 11, 'u=3');
  assert.deepEqual(order(peer), [9, 5, 11, 3, 7]);
});

test('RFC 9218 10: those that are not incremental are sent one after the other, in the order of their streams', () => {
  const peer = shut();
  ask(peer, 3, 'u=3');
  ask(peer, 5, 'u=3');
  ask(peer, 7, 'u=3');
  assert.deepEqual(order(peer), [3, 5, 7]);
});

test('RFC 9218 10: a response that comes in parts keeps its place before later ones', () => {
  const peer = shut();
  peer.request(3, '/', { fields: [['priority', 'u=3']] });
  const first = peer.requestOn(3);
  peer.session.respond(first.stream, { status: 200, lines: '', contentLength: -1 }, false);
  first.stream.send(Buffer.alloc(10_000));
  ask(peer, 5, 'u=3');
  // The next part is there as soon as the one before has left.
  first.sent = () => {
    if (first.stream.send(Buffer.alloc(10_000))) first.stream.end();
    else first.sent = () => first.stream.end();
  };
  assert.deepEqual(order(peer), [3, 5]);
});

test('RFC 9218 4.2: those that are incremental take turns', () => {
  const peer = shut();
  ask(peer, 3, 'u=3, i');
  ask(peer, 5, 'u=3, i');
  assert.deepEqual(order(peer), [3, 5, 3, 5, 3, 5]);
});

test('RFC 9113 5.3.2: those that say nothing take turns', () => {
  const peer = shut();
  ask(peer, 3);
  ask(peer, 5);
  assert.deepEqual(order(peer), [3, 5, 3, 5, 3, 5]);
});

test('RFC 9218 4: a client that says nothing has an urgency of 3', () => {
  const peer = shut();
  ask(peer, 3, 'u=4');
  ask(peer, 5);
  ask(peer, 7, 'u=2');
  assert.deepEqual(order(peer), [7, 5, 3]);
});

test('RFC 9218 7.1: PRIORITY_UPDATE changes the place of what waits', () => {
  const peer = shut();
  ask(peer, 3, 'u=1');
  ask(peer, 5, 'u=2');
  ask(peer, 7, 'u=3');
  update(peer, 7, 'u=0');
  update(peer, 3, 'u=6');
  assert.deepEqual(order(peer), [7, 5, 3]);
});

test('RFC 9218 7.1: PRIORITY_UPDATE may come ahead of the request, and counts more than its field', () => {
  const peer = shut();
  update(peer, 5, 'u=7');
  update(peer, 5, 'u=0');
  ask(peer, 3, 'u=1');
  ask(peer, 5, 'u=6');
  assert.deepEqual(order(peer), [5, 3]);
});

test('RFC 9218 7.1: PRIORITY_UPDATE for a stream that has ended is ignored', () => {
  const peer = shut();
  update(peer, 1, 'u=0');
  ask(peer, 3, 'u=1');
  assert.deepEqual(order(peer), [3]);
  update(peer, 3, 'u=0');
  assert.deepEqual(peer.breaches, []);
});

test('RFC 9218 7.1: however many updates come ahead of requests, the last ones count', () => {
  const peer = shut();
  for (let id = 3; id < 1000; id += 2) update(peer, id, 'u=7');
  update(peer, 1001, 'u=0');
  ask(peer, 999);
  ask(peer, 1001);
  assert.deepEqual(order(peer), [1001, 999]);
  assert.deepEqual(peer.breaches, []);
});

test('RFC 9218 4: a priority that cannot be read says nothing, and is no error', () => {
  const peer = shut();
  ask(peer, 3, 'u=4');
  ask(peer, 5, '"');
  update(peer, 3, '\xff');
  ask(peer, 7, 'u=2');
  assert.deepEqual(order(peer)[0], 7);
  assert.deepEqual(peer.breaches, []);
});
