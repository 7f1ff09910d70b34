// Endpoints from a real etcd: followed through changes, compaction, restarts and nonsense, with and without a login.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { etcdResolver } from '#resolvers/etcd.ts';
import { hurry, hurryStreams, runResolver } from '#resolvers/testing.ts';
import { json, line, startApi } from '../support/api-server.ts';
import { base64, type Etcd, startEtcd } from '../support/etcd.ts';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { missing } from '../support/peers.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';

const SKIP = { skip: missing('etcd') };
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function follow(t: TestContext, { url }: Etcd, options: object = {}, pace = hurry(10_000)) {
  return runResolver(t, etcdResolver, { servers: [url], prefix: '/app/', ...options }, pace);
}

test('keys under the prefix are endpoints, and are followed as they come, change and go', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  await etcd.put('/app0', '10.0.0.9:80');
  const { answers, until, warnings } = follow(t, etcd);
  await until(() => answers.at(-1) === '10.0.0.1:80');
  await etcd.put('/app/2', '{"address": "[2001:db8::2]:80", "weight": 3, "zone": "a", "backup": true}');
  await until(() => answers.at(-1) === '10.0.0.1:80 [2001:db8::2]:80*3@1(a)');
  await etcd.put('/app/1', '10.0.0.3:80');
  await until(() => answers.at(-1) === '10.0.0.3:80 [2001:db8::2]:80*3@1(a)');
  await etcd.delete('/app/1');
  await until(() => answers.at(-1) === '[2001:db8::2]:80*3@1(a)');
  assert.deepEqual(warnings, []);
});

test('a value that is no endpoint is passed over and said once, and the others are used', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  await etcd.put('/app/2', '{"address": "10.0.0.2:80", "wieght": 2}');
  const { answers, warnings, notes, until } = follow(t, etcd);
  await until(() => answers.length === 1);
  await etcd.put('/app/3', '10.0.0.3:80');
  await until(() => answers.at(-1) === '10.0.0.1:80 10.0.0.3:80');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /some endpoints .*\/app\/2: it is no endpoint: .*wieght/);
  await etcd.put('/app/2', '10.0.0.2:80');
  await until(() => answers.at(-1) === '10.0.0.1:80 10.0.0.2:80 10.0.0.3:80');
  assert.ok(notes.includes('endpoints can be found again'));
});

for (const [onEmpty, last] of [
  ['keep', '10.0.0.1:80'],
  ['clear', ''],
] as const) {
  test(`when the last key goes, on-empty: ${onEmpty} does so`, SKIP, async (t) => {
    const etcd = await startEtcd(t);
    await etcd.put('/app/1', '10.0.0.1:80');
    const { answers, warnings, until } = follow(t, etcd, { 'on-empty': onEmpty });
    await until(() => answers.length === 1);
    await etcd.delete('/app/1');
    await until(() => answers.length === 2 || warnings.length === 1);
    assert.equal(answers.at(-1), last);
  });
}

test('an outage keeps what is known, is said once, and what changed meanwhile is found after it', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  const { answers, warnings, until } = follow(t, etcd);
  await until(() => answers.length === 1);
  await etcd.stop();
  const refused = () => warnings.filter((warning) => /ECONNREFUSED/.test(warning)).length;
  await until(() => refused() === 1);
  await etcd.restart();
  await etcd.put('/app/2', '10.0.0.2:80');
  await until(() => answers.at(-1) === '10.0.0.1:80 10.0.0.2:80');
  assert.equal(refused(), 1);
  assert.equal(answers.length, 2);
});

test('after a failure the next member is asked', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  const gone = `http://127.0.0.1:${await closedPort()}`;
  const { answers, until } = follow(t, etcd, { servers: [gone, etcd.url] });
  await until(() => answers.at(-1) === '10.0.0.1:80');
});

test('a watch that ends is made anew behind a list, so that nothing is missed', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  const { answers, delays, warnings, until } = follow(t, etcd, {}, hurryStreams);
  const watches = () => delays.filter((delay) => delay === 300_000).length;
  await until(() => watches() === 2);
  const revision = await etcd.put('/app/1', '10.0.0.2:80');
  await etcd.post('kv/compaction', { revision });
  await until(() => watches() > 3);
  assert.deepEqual([answers, warnings], [['10.0.0.1:80', '10.0.0.2:80'], []]);
});

for (const [what, says, reason] of [
  ['that changes were missed (compaction)', { result: { canceled: true, compact_revision: '9' } }, undefined],
  ['that the watch is cancelled', { result: { canceled: true, cancel_reason: 'no permission' } }, /no permission/],
  ['that something failed', { error: { grpc_code: 14, message: 'no leader' } }, /no leader/],
  ['what is not as expected', { result: { events: [{}] } }, /not as expected/],
] as const) {
  test(`a watch that says ${what} leads to a new list`, async (t) => {
    const watched: string[] = [];
    let port = 80;
    const server = await startApi(t, ({ path }, response) => {
      if (path === '/v3/watch') {
        line(response, watched.length === 0 ? says : { result: { created: true } });
        watched.push(path);
      } else {
        const kvs = [{ key: base64('/app/1'), value: base64(`10.0.0.1:${port++}`) }];
        json(response, { header: { revision: '7' }, kvs });
      }
    });
    const given = { servers: [server.url], prefix: '/app/' };
    const { answers, warnings, until } = runResolver(t, etcdResolver, given, hurry(10_000));
    await until(() => watched.length === 2 && answers.length === 2);
    assert.deepEqual(answers, ['10.0.0.1:80', '10.0.0.1:81']);
    if (reason) assert.match(warnings[0] ?? '', reason);
    else assert.deepEqual(warnings, []);
  });
}

test('a watch asks to be ended by a member that is cut off from the others', async (t) => {
  const server = await startApi(t, ({ path }, response) => {
    if (path === '/v3/watch') line(response, { result: { created: true } });
    else json(response, { header: { revision: '7' }, kvs: [{ key: base64('/app/1'), value: base64('10.0.0.1:80') }] });
  });
  const given = { servers: [server.url], prefix: '/app/' };
  const { answers, until } = runResolver(t, etcdResolver, given);
  await until(() => answers.length === 1);
  const watch = server.requests.find(({ path }) => path === '/v3/watch');
  assert.equal(watch?.headers['grpc-metadata-hasleader'], 'true');
});

test('with user and password it logs in; a wrong password is said', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  await etcd.put('/app/1', '10.0.0.1:80');
  await etcd.post('auth/user/add', { name: 'root', password: 'of all' });
  await etcd.post('auth/role/add', { name: 'reader' });
  const perm = { permType: 'READ', key: base64('/app/'), range_end: base64('/app0') };
  await etcd.post('auth/role/grant', { name: 'reader', perm });
  await etcd.post('auth/user/add', { name: 'tidegate', password: 'right' });
  await etcd.post('auth/user/grant', { user: 'tidegate', role: 'reader' });
  await etcd.post('auth/user/grant', { user: 'root', role: 'root' });
  await etcd.post('auth/enable', {});
  const right = follow(t, etcd, { user: 'tidegate', password: 'right' });
  await right.until(() => right.answers.at(-1) === '10.0.0.1:80');
  const wrong = follow(t, etcd, { user: 'tidegate', password: 'wrong' });
  await wrong.until(() => wrong.warnings.length === 1);
  assert.match(wrong.warnings[0] ?? '', /authentication failed/);
  const { token } = await etcd.post('auth/authenticate', { name: 'root', password: 'of all' });
  const put = { key: base64('/app/2'), value: base64('10.0.0.2:80') };
  await etcd.post('kv/put', put, String(token));
  await right.until(() => right.answers.at(-1) === '10.0.0.1:80 10.0.0.2:80');
});

test('a gateway follows etcd, and goes on serving while it is away; secrets are not shown', SKIP, async (t) => {
  const etcd = await startEtcd(t);
  const first = await startOrigin(t, () => ok('first'));
  const second = await startOrigin(t, () => ok('second'));
  await etcd.put('/app/1', first.address);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app: { resolve: { type: etcd, prefix: /app/, servers: ['${etcd.url}'], throttle: 100ms } }
  other: { resolve: { type: etcd, prefix: /other/, servers: ['${etcd.url}'], user: me, password: 'very secret' } }
  third: { resolve: { type: http, url: '${etcd.url}', headers: { Authorization: 'Bearer very secret' } } }
`,
  );
  const isOnly = (address: string) =>
    gateway.untilAdmin<{ endpoints: { name: string }[] }>(
      '/upstreams/app',
      ({ endpoints }) => endpoints.length === 1 && endpoints[0]?.name === address,
    );
  await isOnly(first.address);
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(GET)).body, 'first');
  await etcd.put('/app/1', second.address);
  await isOnly(second.address);
  assert.equal((await client.request(GET)).body, 'second');
  await etcd.stop();
  await gateway.untilLogged(/endpoints cannot be found/);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'second');
  const shown = JSON.stringify(await gateway.admin('/config'));
  assert.match(shown, /"prefix":"\/other\/"/);
  assert.doesNotMatch(shown, /very secret/);
});
