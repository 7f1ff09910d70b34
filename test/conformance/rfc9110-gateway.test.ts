// RFC 9110 7 and what it refers to: what a gateway changes, adds and drops in messages it passes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { relay, send } = shared;

const get = (...lines: readonly string[]) =>
  `GET / HTTP/1.1\r\nHost: example.com:8080\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

for (const field of [
  'Connection: x-gone',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'TE: gzip',
  'Upgrade: h2c',
]) {
  const [name = ''] = field.split(':');
  test(`RFC 9110 7.6.1: ${name} of a request is not forwarded`, async () => {
    const { received } = await relay(get(field));
    assert.equal(received?.field(name), undefined);
  });
}

test('RFC 9110 7.6.1: fields that Connection names are not forwarded', async () => {
  const { received } = await relay(get('Connection: X-One, x-two', 'X-One: 1', 'X-TWO: 2', 'X-Three: 3'));
  assert.equal(received?.field('x-one'), undefined);
  assert.equal(received?.field('x-two'), undefined);
  assert.equal(received?.field('x-three'), '3');
});

test('RFC 9110 7.6.1: Connection cannot take away fields that frame the message or name the host', async () => {
  const { received } = await relay(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length\r\nContent-Length: 2\r\n\r\nok',
  );
  assert.equal(received?.field('host'), 'a');
  assert.equal(received?.body, 'ok');
});

test('RFC 9110 7.6.1: Connection cannot take away what the gateway says of the client', async () => {
  const { received } = await relay(get('Connection: x-forwarded-for, via, x-forwarded-proto'));
  assert.equal(received?.field('x-forwarded-for'), '127.0.0.1');
  assert.match(received?.field('via') ?? '', /1\.1 tidegate$/);
});

test('RFC 9110 7.6.1: connection fields of a response are not forwarded', async () => {
  shared.answer = () =>
    ok('', 'Connection: x-gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nX-Stays: 1\r\n');
  const response = await send(get());
  shared.answer = undefined;
  for (const name of ['connection', 'x-gone', 'keep-alive', 'proxy-connection'])
    assert.equal(response.field(name), undefined, name);
  assert.equal(response.field('x-stays'), '1');
});

test('RFC 9110 10.1.4: TE: trailers is asked of the origin anew, with Connection: te', async () => {
  const { received } = await relay(get('TE: trailers, deflate;q=0.5', 'Connection: TE'));
  assert.equal(received?.field('te'), 'trailers');
  assert.match(received?.field('connection') ?? '', /^te$/i);
});

test('RFC 9110 7.6.3: Via is added to requests and responses', async () => {
  const { response, received } = await relay(get());
  assert.equal(received?.field('via'), '1.1 tidegate');
  assert.equal(response.field('via'), '1.1 tidegate');
});

test('RFC 9110 7.6.3: Via is added behind what is there', async () => {
  const { received } = await relay(get('Via: 1.0 fred, 1.1 p.example.net'));
  assert.equal(received?.field('via'), '1.0 fred, 1.1 p.example.net, 1.1 tidegate');
});

test('RFC 9110 7.6.3: Via tells the version in which the request came', async () => {
  const { received } = await relay('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  assert.equal(received?.field('via'), '1.0 tidegate');
});

test('RFC 9110 7.6.3: a request that comes back again and again is answered 508', async () => {
  const via = Array.from({ length: 12 }, () => '1.1 tidegate').join(', ');
  assert.equal((await send(get(`Via: ${via}`))).status, 508);
});

for (const zero of ['0', '00']) {
  test(`RFC 9110 7.6.2: OPTIONS with Max-Forwards: ${zero} goes no further`, async () => {
    const { response, received } = await relay(`OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${zero}\r\n\r\n`);
    assert.equal(response.status, 204);
    assert.equal(received, undefined);
  });
}

for (const [given, forwarded] of [
  ['5', '4'],
  ['05', '4'],
  ['99999999999999999999', '999999999'],
] as const) {
  test(`RFC 9110 7.6.2: Max-Forwards: ${given} of OPTIONS is counted down`, async () => {
    const { received } = await relay(`OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${given}\r\n\r\n`);
    assert.equal(received?.field('max-forwards'), forwarded);
  });
}

test('RFC 9110 7.6.2: Max-Forwards of other methods is none of our business', async () => {
  const { received } = await relay(get('Max-Forwards: 5'));
  assert.equal(received?.field('max-forwards'), '5');
});

test('RFC 9110 7.8: Upgrade is ignored without Connection: upgrade', async () => {
  const { response, received } = await relay(get('Upgrade: websocket'));
  assert.equal(received?.field('upgrade'), undefined);
  assert.equal(response.status, 200);
});

test('RFC 9110 7.8: Upgrade of an HTTP/1.0 request is ignored', async () => {
  const { received } = await relay('GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.equal(received?.field('upgrade'), undefined);
});

test('RFC 9113 3.1: HTTP/2 is not asked for on behalf of a client', async () => {
  const { received } = await relay(
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
  );
  assert.equal(received?.field('upgrade'), undefined);
  assert.equal(received?.field('http2-settings'), undefined);
});

test('RFC 9110 10.1.1: an unknown expectation is answered 417', async () => {
  assert.equal((await send(get('Expect: wonders'))).status, 417);
});

test('RFC 9110 10.1.1: 100-continue of an HTTP/1.0 request is ignored', async () => {
  const { received } = await relay('POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok');
  assert.deepEqual([received?.field('expect'), received?.body], [undefined, 'ok']);
});

test('RFC 9110 10.1.1: 100 (Continue) of the origin reaches the client that waits for it', async () => {
  const client = await shared.connect();
  shared.origin.onHead = (_head, { socket }) => void socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  void client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  assert.equal((await client.anyResponse()).status, 100);
  shared.origin.onHead = undefined;
  void client.send('hello');
  assert.equal((await client.response()).status, 200);
  assert.equal(shared.origin.last.body, 'hello');
  assert.equal(shared.origin.last.field('expect'), '100-continue');
});

test('RFC 9110 8.6: the length of a response is passed on', async () => {
  shared.answer = () => ok('hello');
  const response = await send(get());
  shared.answer = undefined;
  assert.equal(response.field('content-length'), '5');
});

test('RFC 9110 6.6.1: Date is added to a response that has none', async () => {
  const response = await send(get());
  assert.match(response.field('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
});

test('RFC 9110 6.6.1: Date of the origin stays', async () => {
  shared.answer = () => ok('', 'Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n');
  const response = await send(get());
  shared.answer = undefined;
  assert.equal(response.field('date'), 'Tue, 15 Nov 1994 08:12:31 GMT');
});

test('RFC 7239 and its elders: what an untrusted client says of itself is replaced', async () => {
  const { received } = await relay(
    get(
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Port: 1',
      'Forwarded: for=1.2.3.4',
      'X-Real-IP: 1.2.3.4',
    ),
  );
  assert.equal(received?.field('x-forwarded-for'), '127.0.0.1');
  assert.equal(received?.field('x-forwarded-proto'), 'http');
  assert.equal(received?.field('x-forwarded-host'), 'example.com:8080');
  assert.equal(received?.field('x-forwarded-port'), undefined);
  assert.equal(received?.field('forwarded'), undefined);
  assert.equal(received?.field('x-real-ip'), undefined);
});

test('RFC 9110 9.3.8: TRACE is refused, as it would show a script the credentials it may not read', async () => {
  const { response, received } = await relay('TRACE / HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n');
  assert.equal(response.status, 405);
  assert.equal(received, undefined);
});

for (const status of [200, 204, 301, 404, 418, 500, 503]) {
  test(`RFC 9110 7.7: ${status} of the origin is passed on with its fields`, async () => {
    shared.answer = () =>
      `HTTP/1.1 ${status} X\r\n${status === 204 ? '' : 'Content-Length: 0\r\n'}X-A: 1\r\nx-a: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n`;
    const response = await send(get());
    shared.answer = undefined;
    assert.equal(response.status, status);
    assert.deepEqual(
      response.fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value),
      ['a=1', 'b=2'],
    );
  });
}
