// The main job in one file: a request goes through the gateway to an origin and its response comes back, with a record.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

test('a request reaches the origin, its response the client, and one access record is written', async (t) => {
  const origin = await startOrigin(t, ({ body }) => ok(`got ${body}`, 'X-From: origin\r\n'));
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(
    'POST /greet?who=you HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello',
  );
  assert.equal(response.status, 200);
  assert.equal(response.body, 'got hello');
  assert.equal(response.field('x-from'), 'origin');
  assert.equal(origin.last.start, 'POST /greet?who=you HTTP/1.1');
  assert.equal(origin.last.field('host'), 'example.com');
  assert.equal(origin.last.field('x-forwarded-for'), '127.0.0.1');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.method, 'POST');
  assert.equal(record?.status, 200);
  assert.equal(gateway.records.length, 1);
});

test('requests of one client connection share one origin connection', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  for (const path of ['/a', '/b', '/c']) {
    const response = await client.request(`GET ${path} HTTP/1.1\r\nHost: example.com\r\n\r\n`);
    assert.equal(response.status, 200);
  }
  assert.deepEqual(
    origin.requests.map(({ target, connection }) => `${target} ${connection}`),
    ['/a 0', '/b 0', '/c 0'],
  );
});

test('connections go on behind content that was there before anybody read it', async (t) => {
  const origin = await startOrigin(
    t,
    ({ body }) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
  );
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  for (const body of ['one', 'two', 'x'.repeat(200_000), 'four']) {
    const head = 'POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n';
    const response = await client.request(`${head}${chunk(body)}0\r\n\r\n`);
    assert.equal(response.body, body);
  }
  assert.equal(origin.connections.length, 1);
});

test('RFC 9110 6.5.1: a field that a policy removes or sets does not come back as a trailer, in either direction', async (t) => {
  const trailers = 'X-User: admin\r\nx_user: admin\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 1\r\n';
  const origin = await startOrigin(
    t,
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${trailers}\r\n`,
  );
  const gateway = await startTidegate(
    t,
    `
policies: [{ type: headers, request: { remove: [x-user] }, response: { set: { x-user: nobody } } }]
${proxyTo(origin)}`,
  );
  const client = await connectRaw(t, gateway.port());
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n';
  const response = await client.request(`${head}${chunk('hello')}0\r\n${trailers}\r\n`);
  assert.deepEqual(origin.last.trailers, [['X-Sum', '1']]);
  assert.deepEqual(response.trailers, [['X-Sum', '1']]);
  assert.equal(response.field('x-user'), 'nobody');
});

function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}
