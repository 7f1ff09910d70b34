// Endpoints from a real name server: addresses and services, their changes, its death, and answers that are empty.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dnsResolver } from '#resolvers/dns.ts';
import { hurry, runResolver } from '#resolvers/testing.ts';
import { startTidegate } from '../support/gateway.ts';
import { type NameServer, startNameServer } from '../support/name-server.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { missing } from '../support/peers.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';

const SKIP = { skip: missing('dnsmasq') };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const SERVICE = '_http._tcp.app.test';

function follow(t: TestContext, { address }: NameServer, options: object) {
  return runResolver(t, dnsResolver, { servers: [address], ...options }, hurry(2000));
}

const services = { name: SERVICE, records: 'srv' };
const addresses = { name: 'app.test', port: 80 };

test('services have port, priority and weight from their records, and their targets are resolved', SKIP, async (t) => {
  const server = await startNameServer(t, [
    `srv-host=${SERVICE},one.test,8001,10,5`,
    `srv-host=${SERVICE},two.test,8002,10,15`,
    `srv-host=${SERVICE},far.test,8003,20,7`,
    'host-record=one.test,10.0.0.1,2001:db8::1',
    'host-record=two.test,10.0.0.2',
    'host-record=far.test,10.0.0.3',
  ]);
  const all = follow(t, server, services);
  await all.until(() => all.answers.length === 1);
  const four = ['10.0.0.1:8001*5@10', '10.0.0.2:8002*15@10', '10.0.0.3:8003*7@20'];
  assert.equal(all.answers[0], [...four, '[2001:db8::1]:8001*5@10'].join(' '));
  const one = follow(t, server, { ...services, family: 'ipv4' });
  await one.until(() => one.answers.length === 1);
  assert.equal(one.answers[0], four.join(' '));
  assert.deepEqual([...all.warnings, ...one.warnings], []);
});

test(
  'RFC 2782: a weight of 0 is a very small chance beside others, and an equal one among its like',
  SKIP,
  async (t) => {
    const server = await startNameServer(t, [
      `srv-host=${SERVICE},one.test,8001,1,0`,
      `srv-host=${SERVICE},one.test,8002,1,10`,
      `srv-host=${SERVICE},one.test,8003,2,0`,
      `srv-host=${SERVICE},one.test,8004,2,0`,
      'host-record=one.test,10.0.0.1',
    ]);
    const { answers, until } = follow(t, server, services);
    await until(() => answers.length === 1);
    assert.equal(answers[0], '10.0.0.1:8001*0.01@1 10.0.0.1:8002*10@1 10.0.0.1:8003@2 10.0.0.1:8004@2');
  },
);

test('changes of services and of the addresses of their targets are followed by their TTL', SKIP, async (t) => {
  const one = `srv-host=${SERVICE},one.test,8001,0,1`;
  const server = await startNameServer(t, [one, 'host-record=one.test,10.0.0.1']);
  const { answers, until } = follow(t, server, services);
  await until(() => answers.at(-1) === '10.0.0.1:8001');
  await server.serve([one, 'host-record=one.test,10.0.0.9']);
  await until(() => answers.at(-1) === '10.0.0.9:8001');
  await server.serve([
    one,
    `srv-host=${SERVICE},two.test,8002,0,1`,
    'host-record=one.test,10.0.0.9',
    'host-record=two.test,10.0.0.2',
  ]);
  await until(() => answers.at(-1) === '10.0.0.2:8002 10.0.0.9:8001');
});

for (const [what, options, record] of [
  ['addresses', addresses, 'host-record=app.test,10.0.0.1'],
  ['services', services, `srv-host=${SERVICE},10.0.0.1,80,0,1`],
] as const) {
  test(`${what}: the death of the name server keeps the last answer, and is said once`, SKIP, async (t) => {
    const server = await startNameServer(t, [record]);
    const { answers, warnings, notes, until } = follow(t, server, options);
    await until(() => answers.length === 1);
    await server.stop();
    await until(() => warnings.length === 1);
    assert.match(warnings[0] ?? '', /the last ones stay in use: .* from 127\.0\.0\.1:/);
    await server.serve([record]);
    await until(() => notes.includes('endpoints can be found again'));
    assert.equal(warnings.length, 1);
    assert.deepEqual(answers, ['10.0.0.1:80']);
  });

  test(`${what}: a name that is gone keeps the last answer, or clears it where that is wished`, SKIP, async (t) => {
    const server = await startNameServer(t, [record]);
    const keeping = follow(t, server, options);
    const clearing = follow(t, server, { ...options, 'on-empty': 'clear' });
    await keeping.until(() => keeping.answers.length === 1 && clearing.answers.length === 1);
    await server.serve([]);
    await keeping.until(() => keeping.warnings.some((warning) => warning.endsWith('there is no endpoint')));
    await clearing.until(() => clearing.answers.length === 2);
    assert.deepEqual(keeping.answers, ['10.0.0.1:80']);
    assert.deepEqual(clearing.answers, ['10.0.0.1:80', '']);
  });
}

test(
  'a name is resolved again when the shortest TTL is over and a little later, in no step with others',
  SKIP,
  async (t) => {
    const server = await startNameServer(t, ['host-record=app.test,10.0.0.1,300', 'host-record=app.test,10.0.0.2,200']);
    const { answers, delays, until } = follow(t, server, addresses);
    await until(() => answers.length === 1);
    // Chance stands at one half of a tenth.
    await until(() => delays.includes(200_000 * 1.05));
  },
);

test('a name without records is asked for again after five seconds', SKIP, async (t) => {
  const server = await startNameServer(t, []);
  const { delays, until } = follow(t, server, addresses);
  await until(() => delays.includes(5000 * 1.05));
});

test('an answer that does not fit into a packet is asked for over TCP', SKIP, async (t) => {
  const records = Array.from({ length: 150 }, (_, i) => `host-record=app.test,10.0.1.${i}`);
  const server = await startNameServer(t, records);
  const { answers, until } = follow(t, server, addresses);
  await until(() => answers.length === 1);
  assert.equal(answers[0]?.split(' ').length, 150);
});

test('a name server that does not answer is passed over', SKIP, async (t) => {
  const server = await startNameServer(t, ['host-record=app.test,10.0.0.1']);
  const servers = [`127.0.0.1:${await closedPort()}`, server.address];
  const { answers, warnings, until } = follow(t, server, { ...addresses, servers });
  await until(() => answers.length === 1);
  assert.deepEqual([answers, warnings], [['10.0.0.1:80'], []]);
});

test('localhost is known without a name server', SKIP, async (t) => {
  const { answers, until } = runResolver(t, dnsResolver, { name: 'localhost', port: 80, family: 'ipv4' });
  await until(() => answers.length === 1);
  assert.equal(answers[0], '127.0.0.1:80');
});

for (const [what, given, problem] of [
  ['addresses without a port', { name: 'a' }, 'port'],
  ['services with a port', { name: 'a', records: 'srv', port: 80 }, 'port'],
  ['a name server that is none', { name: 'a', port: 80, servers: ['dns.example'] }, 'servers.0'],
] as const) {
  test(`${what} are refused`, () => {
    const { error } = dnsResolver.options.safeParse(given);
    assert.equal(error?.issues[0]?.path.join('.'), problem);
  });
}

test(
  'a gateway goes to services by priority, follows them, and serves on when the name server is dead',
  SKIP,
  async (t) => {
    const first = await startOrigin(t, () => ok('first'));
    const second = await startOrigin(t, () => ok('second'));
    const service = (port: number, priority: number) => `srv-host=${SERVICE},one.test,${port},${priority},1`;
    const host = 'host-record=one.test,127.0.0.1';
    const server = await startNameServer(t, [service(first.port, 1), service(second.port, 2), host]);
    const gateway = await startTidegate(
      t,
      `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { resolve: { type: dns, records: srv, name: ${SERVICE}, servers: ['${server.address}'] } } }
`,
    );
    const untilEndpoints = (...ports: readonly number[]) =>
      gateway.untilAdmin<{ endpoints: { name: string }[] }>('/upstreams/app', ({ endpoints }) => {
        const names = endpoints.map(({ name }) => name);
        return names.length === ports.length && ports.every((port) => names.includes(`127.0.0.1:${port}`));
      });
    await untilEndpoints(first.port, second.port);
    const client = await connectRaw(t, gateway.port());
    for (let turn = 0; turn < 4; turn++) assert.equal((await client.request(GET)).body, 'first');
    await server.serve([service(second.port, 1), host]);
    await untilEndpoints(second.port);
    assert.equal((await client.request(GET)).body, 'second');
    await server.stop();
    await gateway.untilLogged(/endpoints cannot be found; the last ones stay in use/);
    assert.equal((await exchange(t, gateway.port(), GET)).body, 'second');
  },
);
