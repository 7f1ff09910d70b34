// The origins of the demo as real processes, without the gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { type Origin, startOrigins, stopOrigins } from './origins.ts';

let origins: readonly Origin[] = [];

before(async () => {
  origins = await startOrigins();
});
after(() => stopOrigins(origins));

function urlOf(origin: Origin | undefined, path: string): string {
  return `http://127.0.0.1:${origin?.port}${path}`;
}

test('each origin says who it is, on its page and in JSON', async () => {
  for (const origin of origins) {
    const answer = (await (await fetch(urlOf(origin, '/api/whoami'))).json()) as { origin: string; target: string };
    assert.equal(answer.origin, origin.name);
    assert.equal(answer.target, '/api/whoami');
    assert.match(await (await fetch(urlOf(origin, '/'))).text(), new RegExp(`<h1>${origin.name}</h1>`));
  }
});

test('a broken origin answers 500 to everything, health too, until it is mended', async () => {
  const last = origins.at(-1);
  await fetch(urlOf(last, '/break'), { method: 'POST' });
  assert.equal((await fetch(urlOf(last, '/api/x'))).status, 500);
  assert.equal((await fetch(urlOf(last, '/healthz'))).status, 500);
  assert.equal((await fetch(urlOf(origins[0], '/healthz'))).status, 200);
  await fetch(urlOf(last, '/mend'), { method: 'POST' });
  assert.equal((await fetch(urlOf(last, '/healthz'))).status, 200);
});

test('GET does not break an origin', async () => {
  assert.equal((await fetch(urlOf(origins[0], '/break'))).status, 200);
  assert.equal((await fetch(urlOf(origins[0], '/healthz'))).status, 200);
});

for (const size of [0, 125, 126, 60_000]) {
  test(`RFC 6455: a WebSocket message of ${size} octets comes back as it was`, async () => {
    const socket = new WebSocket(urlOf(origins[0], '/ws').replace('http', 'ws'));
    await once(socket, 'open');
    const message = 'm'.repeat(size);
    const answer = once(socket, 'message');
    socket.send(message);
    const [event] = (await answer) as [{ readonly data: string }];
    assert.equal(event.data, message);
    const closed = once(socket, 'close');
    socket.close(1000);
    const [end] = (await closed) as [{ readonly code: number }];
    assert.equal(end.code, 1000);
  });
}
