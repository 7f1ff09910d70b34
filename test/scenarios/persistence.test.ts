// Sessions that stay on one endpoint by a cookie of the gateway, and what moves them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

interface Answer {
  readonly status: number;
  /** The address of the endpoint that answered. */
  readonly from: string;
  readonly setCookie: string | undefined;
}

function configuration(origins: readonly Origin[], persistence: string): string {
  return `
workers: 2
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    persistence: { type: cookie${persistence} }
`;
}

async function setUp(t: TestContext, persistence = '') {
  const origins: Origin[] = [];
  for (let i = 0; i < 3; i++) origins.push(await startOrigin(t, () => ok(String(i))));
  const gateway = await startTidegate(t, configuration(origins, persistence));
  const ask = async (cookie = ''): Promise<Answer> => {
    const client = await connectRaw(t, gateway.port());
    const field = cookie === '' ? '' : `Cookie: other=1; ${cookie}\r\n`;
    const response = await client.request(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
    client.socket.destroy();
    const from = origins[Number(response.body)]?.address ?? '';
    return { status: response.status, from, setCookie: response.field('set-cookie') };
  };
  return { origins, gateway, ask };
}

/** What a browser sends back. */
const sentBack = ({ setCookie }: Answer) => setCookie?.split(';')[0] ?? '';

async function drain(gateway: TestGateway, endpoint: string): Promise<void> {
  await gateway.adminFetch(`/upstreams/app/endpoints/${endpoint}/drain`, 'POST');
}

test('a session stays on its endpoint over all workers, and is told so once', async (t) => {
  const { ask, origins } = await setUp(t);
  const first = await ask();
  assert.match(first.setCookie ?? '', /^tidegate-app=[A-Za-z0-9_-]{24}; Path=\/; HttpOnly; SameSite=Lax$/);
  assert.ok(origins.every(({ address }) => !first.setCookie?.includes(address)));
  for (let turn = 0; turn < 12; turn++) {
    const answer = await ask(sentBack(first));
    assert.equal(answer.from, first.from);
    assert.equal(answer.setCookie, undefined);
  }
});

test('requests without a session are balanced', async (t) => {
  const { ask } = await setUp(t);
  const seen = new Set<string>();
  for (let turn = 0; turn < 12; turn++) seen.add((await ask()).from);
  assert.equal(seen.size, 3);
});

test('a cookie that was made up binds to nothing and is replaced', async (t) => {
  const { ask } = await setUp(t);
  for (const value of ['x', 'A'.repeat(24), '127.0.0.1:80'])
    assert.ok((await ask(`tidegate-app=${value}`)).setCookie, value);
});

test('name, lifetime and SameSite are as configured', async (t) => {
  const { ask } = await setUp(t, ', name: stick, ttl: 1h, same-site: none');
  assert.match(
    (await ask()).setCookie ?? '',
    /^stick=[\w-]{24}; Path=\/; Max-Age=3600; HttpOnly; SameSite=None; Secure$/,
  );
});

test('a session stays on an endpoint that drains, and new ones go elsewhere', async (t) => {
  const { ask, gateway } = await setUp(t);
  const first = await ask();
  await drain(gateway, first.from);
  for (let turn = 0; turn < 6; turn++) {
    assert.equal((await ask(sentBack(first))).from, first.from);
    assert.notEqual((await ask()).from, first.from);
  }
});

test('with while-draining: move a session leaves an endpoint that drains', async (t) => {
  const { ask, gateway } = await setUp(t, ', while-draining: move');
  const first = await ask();
  await drain(gateway, first.from);
  const moved = await ask(sentBack(first));
  assert.notEqual(moved.from, first.from);
  assert.equal((await ask(sentBack(moved))).from, moved.from);
});

test('a session whose endpoint dies goes on at another one, within the same request', async (t) => {
  const { ask, origins } = await setUp(t);
  const first = await ask();
  await origins.find(({ address }) => address === first.from)?.stop('reset');
  const moved = await ask(sentBack(first));
  assert.equal(moved.status, 200);
  assert.notEqual(moved.from, first.from);
  assert.ok(moved.setCookie);
  assert.equal((await ask(sentBack(moved))).from, moved.from);
});

test('sessions outlive a reload, also when endpoints come and go', async (t) => {
  const { ask, gateway, origins } = await setUp(t);
  const first = await ask();
  const kept = origins.filter(({ address }, i) => address === first.from || i === 2);
  await gateway.write(configuration(kept, ''));
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  assert.equal((await ask(sentBack(first))).from, first.from);
});
