// A gateway behind another proxy: what a trusted neighbour says of the client is believed, and passed on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const configuration = (address: string) => `
forwarding: { trusted: [127.0.0.1/32, 10.0.0.0/8] }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'] } }
`;

for (const [what, field, client] of [
  ['X-Forwarded-For', 'X-Forwarded-For: 192.0.2.7', '192.0.2.7'],
  ['a chain with a trusted proxy in it', 'X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3', '192.0.2.7'],
  ['Forwarded', 'Forwarded: for=192.0.2.7;proto=https', '192.0.2.7'],
  ['Forwarded, not from a Host that is quoted in it', 'Forwarded: for=192.0.2.7;host="a;for=6.6.6.6"', '192.0.2.7'],
  ['an IPv4 address that a dual-stack proxy has mapped', 'X-Forwarded-For: ::ffff:192.0.2.7', '192.0.2.7'],
  ['Forwarded with an IPv6 node', 'Forwarded: for="[2001:db8::7]:1234"', '2001:db8::7'],
] as const) {
  test(`the client is read from ${what}`, async (t) => {
    const origin = await startOrigin(t);
    const gateway = await startTidegate(t, configuration(origin.address));
    const connection = await connectRaw(t, gateway.port());
    await connection.request(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`);
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.client, client);
  });
}

test('what a trusted proxy says is passed on, with the proxy at the end', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port());
  await client.request(
    'GET / HTTP/1.1\r\nHost: in.side\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 192.0.2.7\r\n\r\n',
  );
  assert.equal(origin.last.field('x-forwarded-for'), '192.0.2.7, 127.0.0.1');
  assert.equal(origin.last.field('x-forwarded-proto'), 'https');
  assert.equal(origin.last.field('x-forwarded-host'), 'shop.example');
  assert.equal(origin.last.field('x-forwarded-port'), '443');
  assert.equal(origin.last.field('x-real-ip'), '192.0.2.7');
});

test('a neighbour that is not trusted is the client, whatever it says', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, configuration(origin.address));
  const client = await connectRaw(t, gateway.port(), { from: '127.0.0.9' });
  await client.request('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n');
  assert.equal(origin.last.field('x-forwarded-for'), '127.0.0.9');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.client, '127.0.0.9');
});
