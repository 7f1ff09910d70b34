// RFC 9113 3: how HTTP/2 begins on a connection in the clear, where HTTP/1.1 may come as well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import { FRAME, PREFACE, settingsBytes } from '../support/http2-frames.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();

test('RFC 9113 3.3: a client may begin with the preface', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open();
  void client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
});

test('RFC 9113 3.4: requests may follow the preface at once, without waiting for the settings of the server', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  void client.preface();
  void client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
});

test('RFC 9113 3.4: the preface may come octet by octet', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  const bytes = Buffer.concat([Buffer.from(PREFACE, 'latin1'), settingsBytes([])]);
  for (const octet of bytes) {
    await client.send(Buffer.from([octet]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  void client.request(1, '/');
  assert.equal((await client.response(1)).status, 200);
});

for (const [what, bytes] of [
  ['another second half', PREFACE.replace('SM', 'XX')],
  ['no second half', `${PREFACE.slice(0, 18)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`],
] as const) {
  test(`RFC 9113 3.4: a preface with ${what} is a connection error of type PROTOCOL_ERROR`, async (t) => {
    const client = await connectHttp2(t, shared.gateway.port());
    void client.send(bytes);
    assert.equal((await client.goaway()).code, 'PROTOCOL_ERROR');
    await client.closed();
  });
}

for (const [what, line] of [
  ['another target', 'PRI / HTTP/2.0'],
  ['another version', 'PRI * HTTP/2.1'],
  ['another method', 'GET * HTTP/2.0'],
  ['fields', 'PRI * HTTP/2.0\r\nHost: a'],
] as const) {
  test(`RFC 9113 3.4: what is like the preface but has ${what} is a request of HTTP/1, and none that is served`, async (t) => {
    const before = shared.origin.requests.length;
    const response = await exchange(t, shared.gateway.port(), `${line}\r\n\r\nSM\r\n\r\n`);
    assert.ok(response.status === 400 || response.status === 505, `${response.status}`);
    assert.equal(shared.origin.requests.length, before);
  });
}

test('RFC 9113 3.1: the upgrade to h2c is obsolete, and the request is served as what it is', async (t) => {
  const request =
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n';
  const response = await exchange(t, shared.gateway.port(), request);
  assert.equal(response.status, 200);
  assert.equal(shared.origin.last.field('http2-settings'), undefined);
});

test('a connection that has begun with HTTP/1.1 does not become one of HTTP/2', async (t) => {
  const client = await connectRaw(t, shared.gateway.port());
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal((await client.request(PREFACE)).status, 505);
});

test('where HTTP/2 is switched off, its preface is a request that is refused', async (t) => {
  const origin = await startOrigin(t);
  const listeners = `listeners: { web: { address: '127.0.0.1:0', http2: { enabled: false } } }`;
  const gateway = await startTidegate(t, `${listeners}\n${proxyTo(origin)}`);
  const response = await exchange(t, gateway.port(), PREFACE);
  assert.ok(response.status === 400 || response.status === 505, `${response.status}`);
});

test('RFC 9113 3.4: the settings of the server come before it has said anything else', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  void client.preface();
  void client.request(1, '/');
  await client.response(1);
  assert.equal(client.frames[0]?.type, FRAME.settings);
  assert.equal(client.frames[0]?.flags, 0);
});
