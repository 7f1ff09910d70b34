// The HTTP/2 engine in the client's role, under mutated answers of a server: whatever comes, it fails in no way of its own, gives each
// request one end, keeps to the windows of the server, and it does not matter how bytes are split.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldPair } from '../support/hpack.ts';
import { hpackBlock, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { FLAG, FRAME, frameBytes, headersBytes, SETTING, settingsBytes, uint32 } from '../support/http2-frames.ts';
import { type AwaitedResponse, ServerPeer } from '../support/http2-session.ts';
import { mutatedFrames, pieces } from './http2-conversations.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const REQUESTS = 5;
const CONNECTION_WINDOW = 200_000;
const CONTENT = Buffer.alloc(3000, 'r');

const ODD_FIELDS: readonly FieldPair[] = [
  [':status', '200'],
  [':path', '/'],
  ['Upper', '1'],
  ['connection', 'close'],
  ['x', 'a\nb'],
  ['content-length', '3'],
  ['content-length', 'x'],
];

const EXTRAS: readonly ((mutator: Mutator, id: number) => Buffer)[] = [
  () => frameBytes(FRAME.ping, 0, 0, '8 octets'),
  (mutator) => settingsBytes([[SETTING.initialWindowSize, mutator.pick([0, 100, 100_000])]]),
  (mutator) => settingsBytes([[SETTING.headerTableSize, mutator.pick([0, 4096])]]),
  (_, id) => frameBytes(FRAME.windowUpdate, 0, id, uint32(1000)),
  () => frameBytes(FRAME.windowUpdate, 0, 0, uint32(1000)),
  (_, id) => frameBytes(0x42, 0, id, 'what'),
];

const ODDITIES: readonly ((mutator: Mutator, id: number) => Buffer)[] = [
  (mutator, id) => frameBytes(FRAME.rstStream, 0, id, uint32(mutator.pick([0, 7, 8]))),
  (mutator) => frameBytes(FRAME.goaway, 0, 0, Buffer.concat([uint32(mutator.pick([0, 3, 2 ** 31 - 1])), uint32(0)])),
  (_, id) => frameBytes(FRAME.data, FLAG.endStream, id, 'late'),
  (_, id) => frameBytes(FRAME.windowUpdate, 0, id, uint32(0)),
  (_, id) => frameBytes(FRAME.pushPromise, FLAG.endHeaders, id, Buffer.concat([uint32(2), hpackIndexed(2)])),
  (_, id) => headersBytes(id, hpackBlock([[':status', '200']]), FLAG.endStream),
  () => settingsBytes([[SETTING.enablePush, 1]]),
];

/** The answer to one request, frame by frame. */
function answer(mutator: Mutator, id: number, oddness: number): Buffer[] {
  const isOdd = () => mutator.random() < oddness;
  const frames: Buffer[] = [];
  const status = mutator.pick(['200', '204', '304', '404', '500']);
  const hasContent = status !== '204' && status !== '304' && mutator.integer(3) > 0;
  for (let interim = mutator.integer(2); interim > 0; interim--)
    frames.push(headersBytes(id, hpackBlock([[':status', '103']]), 0));
  const fields: FieldPair[] = [
    [':status', status],
    ['x-stream', `${id}`],
  ];
  if (isOdd()) fields.splice(mutator.integer(3), mutator.integer(2), mutator.pick(ODD_FIELDS));
  const block = Buffer.concat(fields.map((field) => hpackLiteral(field, mutator.pick(['kept', 'plain', 'never']))));
  frames.push(headersBytes(id, block, hasContent ? 0 : FLAG.endStream));
  if (!hasContent) return frames;
  const parts = Array.from({ length: 1 + mutator.integer(3) }, () => Buffer.alloc(mutator.pick([0, 1, 500, 16_384])));
  const hasTrailers = mutator.integer(3) === 0;
  parts.forEach((part, index) => {
    frames.push(frameBytes(FRAME.data, index === parts.length - 1 && !hasTrailers ? FLAG.endStream : 0, id, part));
  });
  if (hasTrailers) frames.push(headersBytes(id, hpackBlock([['x-trailer', '1']]), FLAG.endStream));
  return frames.flatMap((frame) => {
    if (isOdd()) return [frame, mutator.pick(ODDITIES)(mutator, id)];
    return mutator.integer(4) === 0 ? [frame, mutator.pick(EXTRAS)(mutator, id)] : [frame];
  });
}

/** The answers to all requests, in turns. */
function conversation(mutator: Mutator, oddness: number): Buffer[] {
  const answers = Array.from({ length: REQUESTS }, (_, index) => answer(mutator, 2 * index + 1, oddness));
  const frames = [settingsBytes([]), frameBytes(FRAME.settings, FLAG.ack, 0)];
  for (let left = answers; left.length > 0; left = left.filter(({ length }) => length > 0))
    frames.push(...mutator.pick(left).splice(0, 1));
  return frames;
}

interface Run {
  readonly peer: ServerPeer;
  readonly responses: readonly AwaitedResponse[];
}

/** Sends requests of several sorts, and then takes the answers. */
function run(parts: readonly Buffer[]): Run {
  const peer = new ServerPeer({ connectionWindow: CONNECTION_WINDOW });
  const responses = Array.from({ length: REQUESTS }, (_, index) => {
    const method = ['GET', 'HEAD', 'POST', 'POST', 'GET'][index] ?? 'GET';
    const response = peer.ask({ method }, method !== 'POST');
    if (method === 'POST') response.stream.send(CONTENT);
    if (index === 2) response.stream.end('x-trailer: 1\r\n');
    return response;
  });
  peer.turn();
  for (const part of parts) {
    peer.send(part);
    assert.ok(peer.session.queue.window >= 0);
  }
  return { peer, responses };
}

/** What must not depend on how bytes were split. */
function story({ peer, responses }: Run) {
  return {
    frames: peer.frames
      .filter(({ type }) => type !== FRAME.windowUpdate)
      .map(({ type, flags, streamId, payload }) => `${type} ${flags} ${streamId} ${payload.toString('hex')}`),
    breaches: peer.breaches,
    responses: responses.map(({ heads, content, trailers, loss }) => [
      heads.map(({ status, text }) => `${status} ${text}`),
      loss?.by === 'breach' ? '' : content,
      trailers,
      loss,
    ]),
  };
}

/** Each request has had one end, and all room is given back. */
function finish({ peer, responses }: Run): void {
  const { session } = peer;
  for (const { stream } of responses) stream.reset('CANCEL');
  assert.equal(session.streams.size, 0);
  if (!session.over && !session.isInFrame) assert.ok(session.receiveWindow.bytes > CONNECTION_WINDOW / 2);
  session.closed('the test is over');
  for (const { heads, trailers } of responses)
    if (trailers !== undefined) assert.equal(heads.filter(({ status }) => status >= 200).length, 1);
}

test('mutated answers: each request has one end, and the books are kept', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const counts: Record<string, number> = {};
  for (let round = 0; round < fuzzRounds(1500); round++) {
    const bytes = mutatedFrames(mutator, conversation(mutator, mutator.pick([0, 0, 0.05, 0.3])));
    const whole = run([bytes]);
    const split = run(pieces(mutator, bytes));
    assert.deepEqual(story(split), story(whole), `round ${round}`);
    const end = whole.peer.failure?.kind ?? (whole.peer.breaches.length > 0 ? 'stream errors' : 'no error');
    counts[end] = (counts[end] ?? 0) + 1;
    finish(whole);
    finish(split);
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts['no error'] ?? 0) > 0 && (counts['stream errors'] ?? 0) > 0 && (counts.PROTOCOL_ERROR ?? 0) > 0);
});
