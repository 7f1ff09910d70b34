// A running gateway under mutated conversations of HTTP/2: whatever comes, it answers or closes, other clients are served, nothing throws
// past the connection, and nothing is left behind.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import { FrameReader } from '../support/http2-frames.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { assertWell } from './assert-well.ts';
import { Conversation, mutated, pieces } from './http2-conversations.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';

const AT_ONCE = 20;

const configuration = (address: string) => `
listeners:
  web: { address: '127.0.0.1:0', timeouts: { head: 200ms, body: 200ms, keep-alive: 200ms, send: 500ms } }
  # Of the same worker, for clients that are not to be hurried.
  well: { address: '127.0.0.1:0' }
logs: { access: { to: off } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], eject: { after: 0 }, timeouts: { first-byte: 500ms, idle: 500ms } } }
`;

/** Sends the parts, and checks that what comes back until the gateway closes is frames. */
function send(port: number, parts: readonly Buffer[]): Promise<number> {
  return new Promise((resolve) => {
    const reader = new FrameReader();
    let frames = 0;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('data', (bytes: Buffer) => {
      for (const { type, payload } of reader.push(bytes)) {
        frames++;
        assert.ok(type <= 9 && payload.length <= 16_384);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(frames));
    for (const part of parts) socket.write(part);
  });
}

test('mutated conversations: frames or a close, and other clients are served meanwhile', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const origin = await startOrigin(t, ({ body, target }) => ok(target === '/3' ? 'x'.repeat(100_000) : body));
  const gateway = await startTidegate(t, configuration(origin.address));
  let total = 0;
  for (let round = 0; round < fuzzRounds(300); round += AT_ONCE) {
    const all = Array.from({ length: AT_ONCE }, () => {
      const bytes = mutated(mutator, new Conversation(mutator, mutator.pick([0, 0.05, 0.3])).frames());
      return send(gateway.port('web'), pieces(mutator, bytes, [200, 5000, 100_000]));
    });
    const other = await connectHttp2(t, gateway.port('well'));
    await other.open();
    void other.request(1, '/well', { body: 'content' });
    assert.equal((await other.response(1)).body.toString(), 'content');
    other.socket.destroy();
    for (const frames of await Promise.all(all)) total += frames;
  }
  assert.ok(total > fuzzRounds(300));
  await assertWell(t, gateway);
});
