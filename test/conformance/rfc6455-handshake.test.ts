// RFC 6455 4: opening handshakes, as the policy websocket checks them on their way in, and their answers on the way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway(
  ({ address }) => `
routes:
  - { name: looked-at, match: { path: /* }, policies: [{ type: websocket }], upstream: app }
  - { name: passed, match: { path: /passed }, upstream: app }
upstreams: { app: { endpoints: ['${address}'] } }
`,
);

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

interface Handshake {
  readonly method?: string;
  readonly path?: string;
  readonly upgrade?: string;
  readonly version?: string | undefined;
  readonly key?: string | undefined;
  readonly more?: string;
}

function handshake(given: Handshake): string {
  const { method = 'GET', path = '/', upgrade = 'websocket', more = '' } = given;
  const version = 'version' in given ? given.version : '13';
  const key = 'key' in given ? given.key : KEY;
  return [
    `${method} ${path} HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n`,
    version === undefined ? '' : `Sec-WebSocket-Version: ${version}\r\n`,
    key === undefined ? '' : `Sec-WebSocket-Key: ${key}\r\n`,
    `${more}\r\n`,
  ].join('');
}

function switched(more = '', accept = ACCEPT): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;
}

async function answerTo(given: Handshake, answer = switched()) {
  shared.answer = () => answer;
  return await shared.relay(handshake(given));
}

test("RFC 6455 4.2.2: a good handshake is answered with 101 and the origin's own Sec-WebSocket-Accept", async () => {
  const { response, received } = await answerTo({});
  assert.equal(response.status, 101);
  assert.equal(response.field('sec-websocket-accept'), ACCEPT);
  assert.equal(received?.field('sec-websocket-key'), KEY);
  assert.equal(received?.field('sec-websocket-version'), '13');
});

test('RFC 6455 4.2.1: the protocol is known in any case', async () => {
  assert.equal((await answerTo({ upgrade: 'WebSocket' })).response.status, 101);
});

for (const version of [undefined, '8', '14', '13, 13', 'x']) {
  test(`RFC 6455 4.4: the version ${version} is answered 426 with the one that is spoken, and with Upgrade (RFC 9110 15.5.22)`, async () => {
    const { response, received } = await answerTo({ version });
    assert.equal(response.status, 426);
    assert.equal(response.field('sec-websocket-version'), '13');
    assert.equal(response.field('upgrade'), 'websocket');
    assert.match(response.field('connection') ?? '', /^upgrade/);
    assert.equal(received, undefined);
  });
}

test('RFC 9110 15.5.22: a 426 of the origin about the version goes on with Upgrade', async () => {
  const answer = 'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n';
  const { response } = await answerTo({ path: '/passed', version: '8' }, answer);
  assert.equal(response.status, 426);
  assert.equal(response.field('upgrade'), 'websocket');
});

for (const key of [
  undefined,
  '',
  'short',
  `${KEY}, ${KEY}`,
  'dGhlIHNhbXBsZSBub25jZTEyMw==',
  'dGhlIHNhbXBsZSBub25j!Q==',
]) {
  test(`RFC 6455 4.2.1: the key ${JSON.stringify(key)} is answered 400`, async () => {
    const { response, received } = await answerTo({ key });
    assert.equal(response.status, 400);
    assert.equal(received, undefined);
  });
}

test('RFC 6455 4.2.1: another method than GET is answered 400', async () => {
  const { response, received } = await answerTo({ method: 'POST', more: 'Content-Length: 0\r\n' });
  assert.equal(response.status, 400);
  assert.equal(received, undefined);
});

test('RFC 6455 4.1: an answer to another key is answered 502', async () => {
  assert.equal((await answerTo({}, switched('', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='))).response.status, 502);
});

test('RFC 6455 4.1: an answer without Sec-WebSocket-Accept is answered 502', async () => {
  const answer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.equal((await answerTo({}, answer)).response.status, 502);
});

test('RFC 6455 4.1: a subprotocol that was not asked for is answered 502, one that was passes', async () => {
  const more = 'Sec-WebSocket-Protocol: chat, superchat\r\n';
  assert.equal((await answerTo({ more }, switched('Sec-WebSocket-Protocol: mqtt\r\n'))).response.status, 502);
  assert.equal(
    (await answerTo({ more }, switched('Sec-WebSocket-Protocol: chat, superchat\r\n'))).response.status,
    502,
  );
  const { response } = await answerTo({ more }, switched('Sec-WebSocket-Protocol: superchat\r\n'));
  assert.deepEqual([response.status, response.field('sec-websocket-protocol')], [101, 'superchat']);
});

test('RFC 6455 4.1: an extension that was not asked for is answered 502', async () => {
  assert.equal((await answerTo({}, switched('Sec-WebSocket-Extensions: permessage-deflate\r\n'))).response.status, 502);
  assert.equal((await answerTo({}, switched('Sec-WebSocket-Extensions: a; b="c\r\n'))).response.status, 502);
});

test('RFC 6455 9.1: of the extensions that are offered only compression gets to the origin, with its parameters', async () => {
  const more = 'Sec-WebSocket-Extensions: foo; a="x, y", permessage-deflate; client_max_window_bits\r\n';
  const accepted = switched('Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n');
  const { response, received } = await answerTo({ more }, accepted);
  assert.equal(received?.field('sec-websocket-extensions'), 'permessage-deflate; client_max_window_bits');
  assert.equal(response.status, 101);
  assert.equal(response.field('sec-websocket-extensions'), 'permessage-deflate; server_no_context_takeover');
});

test('RFC 6455 4.2.2: an origin that refuses is passed on', async () => {
  const { response } = await answerTo({}, 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
  assert.deepEqual([response.status, response.body], [401, 'no']);
});

test("without the policy a handshake is the origin's business", async () => {
  const { response } = await answerTo({ path: '/passed', key: 'anything', version: '8' }, switched('', 'anything'));
  assert.equal(response.status, 101);
});
