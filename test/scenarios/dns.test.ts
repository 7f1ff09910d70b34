// Endpoints by name: resolved again when the TTL ends, kept when the name server fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsResolver } from '#resolvers/dns.ts';
import { runResolver } from '#resolvers/testing.ts';
import { startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { exchange } from '../support/raw-client.ts';
import { startScriptedDns } from '../support/scripted-dns.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

interface UpstreamView {
  readonly endpoints: readonly { readonly name: string }[];
}

test('an upstream follows its name, and keeps what it knows while the name server fails', async (t) => {
  const origin = await startOrigin(t);
  const answer: { addresses: readonly string[] | undefined } = { addresses: ['127.0.0.1'] };
  const server = await startScriptedDns(t, answer);
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

test('a name server to which there is no way is passed over', async (t) => {
  const server = await startScriptedDns(t, { addresses: ['10.0.0.1'] });
  // A connection to the broadcast address is refused by the system at once.
  const servers = ['255.255.255.255:53', server.address];
  const { answers, warnings, until } = runResolver(t, dnsResolver, { name: 'app.test', port: 80, servers });
  await until(() => answers.length === 1);
  assert.deepEqual([answers, warnings], [['10.0.0.1:80'], []]);
});

test('a name with other letters than ASCII is asked for by its A-labels', async (t) => {
  const server = await startScriptedDns(t, { addresses: ['10.0.0.1'] });
  const given = { name: 'bücher.test', port: 80, family: 'ipv4', servers: [server.address] };
  const { answers, until } = runResolver(t, dnsResolver, given);
  await until(() => answers.length === 1);
  assert.deepEqual([answers, server.questions], [['10.0.0.1:80'], ['A xn--bcher-kva.test']]);
});
