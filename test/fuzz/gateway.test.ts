// A running gateway under mutated bytes from both sides: whatever comes, it answers or closes, nothing throws past the connection,
// what it forwards has one meaning, and nothing is left behind.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { assertWell } from './assert-well.ts';
import { framedByNode } from './llhttp.ts';
import { fuzzRounds, fuzzSeed, Mutator, REQUESTS, RESPONSES } from './mutate.ts';

const AT_ONCE = 50;

const configuration = (address: string) => `
listeners: { web: { address: '127.0.0.1:0', timeouts: { head: 200ms, body: 200ms, keep-alive: 200ms, send: 1s } } }
logs: { access: { to: off } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], eject: { after: 0 }, timeouts: { first-byte: 300ms, idle: 300ms, tunnel-idle: 200ms } } }
`;

/** Sends the pieces and returns what came back when the gateway has closed, or nothing more is to be expected. */
function send(port: number, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    for (const piece of pieces) socket.write(piece, 'latin1');
  });
}

test('mutated requests: an answer or a close, and what is forwarded has one meaning', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  const forwarded = new Map<number, string>();
  const origin = await startOrigin(t, () => ok());
  origin.onBytes = (bytes, { number }) => void forwarded.set(number, (forwarded.get(number) ?? '') + bytes);
  const gateway = await startTidegate(t, configuration(origin.address));
  for (let round = 0; round < fuzzRounds(2000); round += AT_ONCE) {
    const inputs = Array.from({ length: AT_ONCE }, () => mutator.message(REQUESTS));
    const answers = await Promise.all(inputs.map((bytes) => send(gateway.port(), mutator.split(bytes))));
    for (const [index, answer] of answers.entries()) {
      if (answer !== '') assert.match(answer, /^HTTP\/1\.1 [1-5]\d\d /, JSON.stringify(inputs[index]));
    }
  }
  await assertWell(t, gateway);
  // What the origin's own reader took for requests is what Node's parser takes for requests, connection by connection.
  let compared = 0;
  for (const [number, bytes] of forwarded) {
    const byNode = (await framedByNode(bytes)).map(({ method, target, body }) => `${method} ${target} ${body}`);
    const byOrigin = origin.requests
      .filter(({ connection }) => connection === number)
      .map(({ method, target, body }) => `${method} ${target} ${body}`);
    // Node knows fewer methods: what comes behind one that it refuses is left to the next connection.
    const common = Math.min(byNode.length, byOrigin.length);
    compared += common;
    assert.deepEqual(byNode.slice(0, common), byOrigin.slice(0, common));
  }
  t.diagnostic(`${origin.requests.length} forwarded, ${compared} of them compared`);
  assert.ok(compared > origin.requests.length / 10);
});

test('mutated responses: the client gets a whole message, an error or a close', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  let well = false;
  const origin = await startOrigin(t, (_request, { socket }) => {
    if (well) return ok();
    for (const piece of mutator.split(mutator.message(RESPONSES))) socket.write(piece, 'latin1');
    if (mutator.integer(2) === 0) socket.end();
    return undefined;
  });
  const gateway = await startTidegate(t, configuration(origin.address));
  for (let round = 0; round < fuzzRounds(1000); round += AT_ONCE) {
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () =>
        send(gateway.port(), ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']),
      ),
    );
    for (const answer of answers) if (answer !== '') assert.match(answer, /^HTTP\/1\.1 [1-5]\d\d /);
  }
  well = true;
  await assertWell(t, gateway);
});
