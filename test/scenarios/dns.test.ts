// Endpoints by name: resolved again when the TTL ends, kept when the name server fails.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { type CleansUp, startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { exchange } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A name server that answers A questions with what `addresses` holds at the time; `undefined` is a failure. */
async function startNameServer(t: CleansUp, answer: { addresses: readonly string[] | undefined }) {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  socket.on('message', (bytes, from) => {
    const query = decode(bytes);
    const [question] = query.questions ?? [];
    if (!question) return;
    questions.push(`${question.type} ${question.name}`);
    const { addresses } = answer;
    const answers = question.type === 'A' ? (addresses ?? []) : [];
    socket.send(
      encode({
        type: 'response',
        id: query.id ?? 0,
        // SERVFAIL is 2 (RFC 1035 4.1.1).
        flags: addresses === undefined ? 2 : 0,
        questions: [question],
        answers: answers.map((data) => ({ type: 'A', name: question.name, ttl: 1, data })),
      }),
      from.port,
      from.address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, questions };
}

interface UpstreamView {
  readonly endpoints: readonly { readonly name: string }[];
}

test('an upstream follows its name, and keeps what it knows while the name server fails', {
  timeout: 30_000,
}, async (t) => {
  const origin = await startOrigin(t);
  const answer: { addresses: readonly string[] | undefined } = { addresses: ['127.0.0.1'] };
  const server = await startNameServer(t, answer);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { resolve: { type: dns, name: app.test, port: ${origin.port}, family: ipv4, servers: ['${server.address}'] } }
`,
  );
  const names = (expected: readonly string[]) =>
    gateway.untilAdmin<UpstreamView>(
      '/upstreams/app',
      ({ endpoints }) =>
        endpoints
          .map(({ name }) => name)
          .toSorted()
          .join() === expected.join(),
    );
  await names([`127.0.0.1:${origin.port}`]);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  answer.addresses = ['127.0.0.1', '127.0.0.2'];
  await names([`127.0.0.1:${origin.port}`, `127.0.0.2:${origin.port}`]);
  answer.addresses = undefined;
  const asked = server.questions.length;
  while (server.questions.length < asked + 2) await new Promise((resolve) => setTimeout(resolve, 50));
  await names([`127.0.0.1:${origin.port}`, `127.0.0.2:${origin.port}`]);
  answer.addresses = ['127.0.0.1'];
  await names([`127.0.0.1:${origin.port}`]);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
});
