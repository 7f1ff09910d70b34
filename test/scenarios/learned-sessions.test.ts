// Sessions that stay on one endpoint by what the application gives or by the client's address, kept in a table over all workers.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { type Origin, ok, type ReceivedRequest, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

interface Question {
  readonly target?: string;
  /** Field lines, each ended by CRLF. */
  readonly fields?: string;
  readonly from?: string;
}

interface Setting {
  readonly persistence: string;
  readonly more?: string;
  /** Field lines of the response that the origin of that number gives. */
  readonly gives?: (request: ReceivedRequest, origin: number) => string;
}

function configuration(origins: readonly Origin[], { persistence, more = '' }: Setting): string {
  return `
workers: 2
forwarding: { trusted: [127.0.0.1] }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    persistence: { ${persistence} }
    ${more}
`;
}

async function setUp(t: TestContext, setting: Setting) {
  const origins: Origin[] = [];
  for (let i = 0; i < 3; i++)
    origins.push(await startOrigin(t, (request) => ok(String(i), setting.gives?.(request, i) ?? '')));
  const gateway = await startTidegate(t, configuration(origins, setting));
  /** Each question on a connection of its own, so that both workers are asked. */
  const ask = async ({ target = '/', fields = '', from }: Question = {}) => {
    const client = await connectRaw(t, gateway.port(), from === undefined ? {} : { from });
    const response = await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    client.socket.destroy();
    return { status: response.status, from: Number(response.body), body: response.body };
  };
  /** The endpoints that answer so many questions. */
  const answering = async (question: Question, times = 8) => {
    const seen = new Set<number>();
    for (let turn = 0; turn < times; turn++) seen.add((await ask(question)).from);
    return [...seen];
  };
  return { origins, gateway, ask, answering };
}

const LOGIN: Setting['gives'] = ({ target }, i) =>
  target === '/login' ? `Set-Cookie: theme=dark\r\nSet-Cookie: JSESSIONID=s${i}; Path=/; HttpOnly\r\n` : '';
const byCookie: Setting = { persistence: 'type: learned, learn: { cookie: JSESSIONID }', gives: LOGIN };

test('a session whose cookie the application sets is served by that endpoint, over all workers', async (t) => {
  const { ask, answering } = await setUp(t, byCookie);
  const { from } = await ask({ target: '/login' });
  assert.deepEqual(await answering({ fields: `Cookie: a=1; JSESSIONID=s${from}\r\n` }), [from]);
  assert.equal((await answering({}, 12)).length, 3);
});

test('a value that no application gave binds to nothing, and is not taken in', async (t) => {
  const { gateway, answering } = await setUp(t, byCookie);
  assert.equal((await answering({ fields: 'Cookie: JSESSIONID=made-up\r\n' }, 12)).length, 3);
  assert.equal(await gateway.metric('tidegate_upstream_sessions{upstream="app"}'), 0);
});

test('what a field of the response gives is found in a field or a query parameter of requests', async (t) => {
  const { ask, answering } = await setUp(t, {
    persistence: 'type: learned, learn: { header: x-session }, look-up: [{ header: x-session }, { query: sid }]',
    gives: ({ target }, i) => (target === '/begin' ? `X-Session: one/${i}\r\n` : ''),
  });
  const { from } = await ask({ target: '/begin' });
  assert.deepEqual(await answering({ fields: `X-Session: one/${from}\r\n` }), [from]);
  assert.deepEqual(await answering({ target: `/?sid=one%2F${from}` }), [from]);
});

test('a session whose endpoint dies moves to another one, and stays there', async (t) => {
  const { ask, answering, origins } = await setUp(t, byCookie);
  const { from } = await ask({ target: '/login' });
  await origins[from]?.stop('reset');
  const moved = await answering({ fields: `Cookie: JSESSIONID=s${from}\r\n` });
  assert.equal(moved.length, 1);
  assert.notEqual(moved[0], from);
});

test('sessions outlive a reload, and move for good when their endpoint is gone from the list', async (t) => {
  const { ask, answering, gateway, origins } = await setUp(t, byCookie);
  const { from } = await ask({ target: '/login' });
  const fields = `Cookie: JSESSIONID=s${from}\r\n`;
  const generation = async (count: number) =>
    await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation === count);
  await gateway.write(configuration(origins.toReversed(), byCookie));
  await generation(2);
  assert.deepEqual(await answering({ fields }), [from]);
  await gateway.write(
    configuration(
      origins.filter((_, i) => i !== from),
      byCookie,
    ),
  );
  await generation(3);
  assert.equal((await answering({ fields })).length, 1);
});

test('a draining endpoint keeps its sessions, or loses them with while-draining: move', async (t) => {
  for (const fate of ['keep', 'move']) {
    const { ask, answering, gateway, origins } = await setUp(t, {
      ...byCookie,
      persistence: `${byCookie.persistence}, while-draining: ${fate}`,
    });
    const { from } = await ask({ target: '/login' });
    await gateway.adminFetch(`/upstreams/app/endpoints/${origins[from]?.address}/drain`, 'POST');
    const now = await answering({ fields: `Cookie: JSESSIONID=s${from}\r\n` });
    assert.equal(now.length, 1);
    assert.equal(now[0] === from, fate === 'keep');
  }
});

const PROBED = 'health: { type: http, interval: 50ms, unhealthy: 1 }';

test('with when-down: refuse the requests of a session wait for its endpoint to come back', async (t) => {
  const { ask, gateway, origins } = await setUp(t, {
    ...byCookie,
    persistence: `${byCookie.persistence}, when-down: refuse`,
    more: PROBED,
  });
  const { from } = await ask({ target: '/login' });
  const port = origins[from]?.port as number;
  await origins[from]?.stop('reset');
  const session = { fields: `Cookie: JSESSIONID=s${from}\r\n` };
  // It has not been noticed yet, or it has: no other endpoint is asked.
  assert.ok([502, 503].includes((await ask(session)).status));
  const isDown = async (down: boolean) => {
    await gateway.untilAdmin<{ endpoints: readonly { status: string }[] }>(
      '/upstreams/app',
      ({ endpoints }) => (endpoints[from]?.status === 'unhealthy') === down,
    );
  };
  await isDown(true);
  const refused = await ask(session);
  assert.equal(refused.status, 503);
  assert.equal(JSON.parse(refused.body).code, 'session-unavailable');
  assert.equal((await ask()).status, 200);
  await startOrigin(t, () => ok(String(from)), { port });
  await isDown(false);
  assert.equal((await ask(session)).from, from);
});

test('clients are told apart by their address, over all workers', async (t) => {
  const { answering } = await setUp(t, { persistence: 'type: source-address' });
  const owners: number[] = [];
  for (let client = 2; client < 12; client++) {
    const [owner, ...others] = await answering({ from: `127.0.0.${client}` }, 4);
    assert.deepEqual(others, []);
    owners.push(owner as number);
  }
  assert.equal(new Set(owners).size, 3);
});

test('addresses of one prefix are one client', async (t) => {
  const { answering } = await setUp(t, { persistence: 'type: source-address, ipv4-prefix: 24, ipv6-prefix: 56' });
  const forwarded = (address: string) => ({ fields: `X-Forwarded-For: ${address}\r\n` });
  for (const [one, other] of [
    ['192.0.2.1', '192.0.2.200'],
    ['2001:db8:0:1200::1', '2001:db8:0:12ff:ffff::1'],
  ] as const) {
    const [owner] = await answering(forwarded(one), 1);
    assert.deepEqual(await answering(forwarded(other), 6), [owner]);
  }
});

test('a table that is full drops the sessions that are longest without a request', async (t) => {
  const { ask, gateway } = await setUp(t, { persistence: 'type: source-address, max-sessions: 8' });
  for (let client = 1; client <= 20; client++) await ask({ fields: `X-Forwarded-For: 192.0.2.${client}\r\n` });
  assert.equal(await gateway.metric('tidegate_upstream_sessions{upstream="app"}'), 8);
  assert.equal(await gateway.metric('tidegate_upstream_session_evictions_total{upstream="app"}'), 12);
});

test('connections of a TCP listener keep to their endpoint by the address of the client', async (t) => {
  const origins = [await startOrigin(t, () => ok('0')), await startOrigin(t, () => ok('1'))];
  const gateway = await startTidegate(
    t,
    `
listeners: { db: { address: '127.0.0.1:0', protocol: tcp, upstream: db } }
upstreams:
  db:
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    persistence: { type: source-address }
`,
  );
  const seen = new Set<string>();
  for (let turn = 0; turn < 6; turn++) {
    const client = await connectRaw(t, gateway.port());
    seen.add((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body);
  }
  assert.equal(seen.size, 1);
});
