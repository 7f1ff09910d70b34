// Endpoints from the EndpointSlices of Kubernetes: listed in pages, watched, and followed over everything that ends a watch.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kubernetesResolver } from '#resolvers/kubernetes.ts';
import { hurry, hurryStreams, runResolver } from '#resolvers/testing.ts';
import { json, startApi } from '../support/api-server.ts';
import { Kubernetes, pod } from '../support/kubernetes.ts';

function follow(t: TestContext, cluster: Kubernetes, options: object = {}) {
  const given = { service: 'cart', namespace: 'shop', server: cluster.url, token: 'token-1', ...options };
  return runResolver(t, kubernetesResolver, given, hurry(10_000));
}

test('slices of all pages are listed once, and then followed', async (t) => {
  const cluster = await Kubernetes.start(t);
  for (let i = 1; i <= 5; i++) cluster.put(`cart-${i}`, { endpoints: [pod(`10.0.0.${i}`, { zone: 'a' })] });
  const { answers, warnings, until } = follow(t, cluster);
  await until(() => answers.length === 1);
  assert.equal(answers[0], [1, 2, 3, 4, 5].map((i) => `10.0.0.${i}:8080(a)`).join(' '));
  assert.deepEqual(
    cluster.lists.map(({ query }) => query.get('continue')),
    [null, '2', '4'],
  );
  await until(() => cluster.openWatches === 1);
  const [watch] = cluster.watches;
  assert.equal(watch?.query.get('resourceVersion'), String(cluster.version));
  assert.equal(watch?.query.get('allowWatchBookmarks'), 'true');
  for (let i = 2; i <= 5; i++) cluster.delete(`cart-${i}`);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.9')] });
  await until(() => answers.at(-1) === '10.0.0.9:8080');
  assert.equal(cluster.lists.length, 3);
  assert.deepEqual(warnings, []);
});

test('a watch that ends goes on from the last version, that of a bookmark too, without a list', async (t) => {
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const { answers, warnings, until } = follow(t, cluster);
  await until(() => cluster.openWatches === 1);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.2')] });
  await until(() => answers.at(-1) === '10.0.0.2:8080');
  cluster.bookmark();
  const marked = String(cluster.version);
  cluster.endWatches();
  await until(() => cluster.watches.length === 2);
  assert.equal(cluster.watches[1]?.query.get('resourceVersion'), marked);
  cluster.put('cart-2', { endpoints: [pod('10.0.0.3')] });
  await until(() => answers.at(-1) === '10.0.0.2:8080 10.0.0.3:8080');
  assert.equal(cluster.lists.length, 1);
  assert.deepEqual(warnings, []);
});

test('a connection that breaks is said, and what changed meanwhile comes with the next watch', async (t) => {
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const { answers, warnings, notes, until } = follow(t, cluster);
  await until(() => cluster.openWatches === 1);
  cluster.disconnect();
  cluster.put('cart-1', { endpoints: [pod('10.0.0.2')] });
  await until(() => answers.at(-1) === '10.0.0.2:8080');
  assert.equal(cluster.lists.length, 1);
  assert.equal(warnings.length, 1);
  assert.ok(notes.includes('endpoints can be found again'));
});

test('a version that is gone, 410 as status, leads to a new list', async (t) => {
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const { answers, until } = follow(t, cluster);
  await until(() => cluster.openWatches === 1);
  cluster.disconnect();
  cluster.put('cart-1', { endpoints: [pod('10.0.0.2')] });
  cluster.oldest = cluster.version;
  await until(() => answers.at(-1) === '10.0.0.2:8080');
  assert.equal(cluster.lists.length, 2);
});

test('a version that is gone, 410 as an event, leads to a new list without a warning', async (t) => {
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const { answers, warnings, until } = follow(t, cluster);
  await until(() => cluster.openWatches === 1);
  cluster.send({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version' } });
  await until(() => cluster.lists.length === 2 && cluster.watches.length === 2);
  cluster.put('cart-2', { endpoints: [pod('10.0.0.2')] });
  await until(() => answers.at(-1) === '10.0.0.1:8080 10.0.0.2:8080');
  assert.deepEqual(warnings, []);
});

for (const [what, event, reason] of [
  ['an error', { type: 'ERROR', object: { code: 500, message: 'etcd is away' } }, /status 500: etcd is away/],
  ['nonsense', { type: 'ADDED', object: { metadata: {} } }, /not as expected/],
] as const) {
  test(`${what} among the events is said, and leads to a new list`, async (t) => {
    const cluster = await Kubernetes.start(t);
    cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
    const { warnings, until } = follow(t, cluster);
    await until(() => cluster.openWatches === 1);
    cluster.send(event);
    await until(() => cluster.lists.length === 2);
    assert.match(warnings[0] ?? '', reason);
  });
}

test('a watch that is refused in another way than by 410 is said, and leads to a new list as well', async (t) => {
  let lists = 0;
  const server = await startApi(t, ({ query }, response) => {
    if (!query.has('watch')) {
      lists++;
      const metadata = { name: 'cart-1', resourceVersion: String(lists) };
      const slice = { metadata, addressType: 'IPv4', endpoints: [pod(`10.0.0.${lists}`)], ports: [{ port: 8080 }] };
      json(response, { metadata: { resourceVersion: String(lists) }, items: [slice] });
    } else if (query.get('resourceVersion') === '1') {
      json(response, { kind: 'Status', code: 504, message: 'Too large resource version' }, 504);
    } else {
      response.flushHeaders();
    }
  });
  const given = { service: 'cart', namespace: 'shop', server: server.url };
  const { answers, warnings, until } = runResolver(t, kubernetesResolver, given, hurry(10_000));
  await until(() => answers.length === 2);
  assert.deepEqual(answers, ['10.0.0.1:8080', '10.0.0.2:8080']);
  assert.match(warnings[0] ?? '', /status 504: .*Too large resource version/);
});

test('a server that falls silent is noticed, as a watch has an end of our own', async (t) => {
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const options = { service: 'cart', namespace: 'shop', server: cluster.url, token: 'token-1' };
  const { warnings, until } = runResolver(t, kubernetesResolver, options, hurryStreams);
  await until(() => cluster.watches.length === 3);
  assert.deepEqual(warnings, []);
});

test('the token is read again for each request, as it is replaced while the gateway runs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'token');
  await writeFile(file, 'token-1\n');
  const cluster = await Kubernetes.start(t);
  cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
  const { answers, warnings, until } = follow(t, cluster, { token: undefined, 'token-file': file });
  await until(() => cluster.openWatches === 1);
  cluster.token = 'token-2';
  cluster.disconnect();
  await until(() => warnings.some((warning) => /status 401: .*Unauthorized/.test(warning)));
  await writeFile(file, 'token-2\n');
  cluster.put('cart-1', { endpoints: [pod('10.0.0.2')] });
  await until(() => answers.at(-1) === '10.0.0.2:8080');
});

for (const [onEmpty, last] of [
  ['keep', '10.0.0.1:8080'],
  ['clear', ''],
] as const) {
  test(`when no pod is left, on-empty: ${onEmpty} does so`, async (t) => {
    const cluster = await Kubernetes.start(t);
    cluster.put('cart-1', { endpoints: [pod('10.0.0.1')] });
    const { answers, warnings, until } = follow(t, cluster, { 'on-empty': onEmpty });
    await until(() => cluster.openWatches === 1);
    cluster.put('cart-1', { endpoints: null });
    await until(() => answers.length === 2 || warnings.length === 1);
    assert.equal(answers.at(-1), last);
  });
}

test('outside a cluster a server must be named, and that is said', async (t) => {
  const { warnings, until } = runResolver(t, kubernetesResolver, { service: 'cart' });
  await until(() => warnings.length === 1);
  assert.match(warnings[0] ?? '', /KUBERNETES_SERVICE_HOST is not set, and no server is given/);
});
