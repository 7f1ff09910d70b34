// One side goes away in the middle: the other side learns of it, and the record says who it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a client that resets while the origin works ends the request there', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  while (origin.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.abort();
  await origin.connections[0]?.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.status, 499);
  assert.equal(record?.ended_by, 'client');
  assert.equal(record?.phase, 'response-head');
});

test('a client that leaves in the middle of a response ends it at the origin', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => {
    const timer = setInterval(() => socket.write('x'.repeat(1000)), 5);
    socket.on('close', () => clearInterval(timer));
    return 'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n';
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send(GET);
  await client.reader.bytes(5000);
  client.abort();
  await origin.connections[0]?.reader.rest();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.status, 200);
  assert.equal(record?.ended_by, 'client');
  assert.equal(record?.phase, 'response');
});

test('a client that leaves in the middle of its content ends the request at the origin', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`);
  while (origin.connections.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.abort();
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.ended_by, 'client');
  await origin.connections[0]?.reader.rest();
  assert.equal(origin.requests.length, 0);
});

test('a client that ends its side in the middle of its content is answered nothing, and its connection ends', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`);
  await origin.untilConnected();
  client.end();
  assert.equal(await client.reader.rest(), '');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.status, record?.error, record?.bytes_sent], [499, 'client-closed', 0]);
  assert.equal(await gateway.metric('tidegate_listener_connections_active{listener="web"}'), 0);
});

test('an origin that resets before it answers is answered 502, as the origin’s fault', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => void socket.resetAndDestroy());
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(GET);
  assert.equal(response.status, 502);
  assert.match(response.field('proxy-status') ?? '', /error=connection_terminated/);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.ended_by, 'origin');
  assert.equal(record?.phase, 'response-head');
});

test('an origin that ends before it answers is answered 502', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => void socket.end());
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).status, 502);
});

test('an origin that resets within its content breaks the connection of the client', async (t) => {
  const origin = await startOrigin(t, (_request, { socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning', () => {
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
    return undefined;
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  await client.reader.until('beginning');
  assert.equal(await client.closed(), '');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.ended_by, 'origin');
  assert.equal(record?.error, 'http_response_incomplete');
});

test('a client that ends its side and waits gets its answer', async (t) => {
  const origin = await startOrigin(t, async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    return ok('late');
  });
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  client.end();
  assert.equal((await client.response()).body, 'late');
});

test('all that was under way is over in the counts', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, proxyTo(origin));
  for (let count = 0; count < 10; count++) {
    const client = await connectRaw(t, gateway.port());
    await client.send(GET);
    client.abort();
  }
  await gateway.untilRecords(1);
  const active = 'tidegate_listener_exchanges_active{listener="web"}';
  while ((await gateway.metric(active)) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const inFlight = `tidegate_endpoint_in_flight{upstream="app",endpoint="${origin.address}"}`;
  assert.equal(await gateway.metric(inFlight), 0);
});
