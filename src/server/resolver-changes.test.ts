// What a set of resolvers keeps over changes of the configuration, and when it tells of endpoints.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { silentLog } from '#lib/log.ts';
import { systemTimers } from '#lib/timers.ts';
import { formatAddress } from '#schema/address.ts';
import { ResolverSet } from './resolver-set.ts';

function configure(upstreams: string) {
  const text = `version: 1\nlisteners: { web: { address: '127.0.0.1:0' } }\nupstreams: ${upstreams}`;
  return parseConfiguration(text, referencesFor('.', {})).config;
}

/** A set of resolvers; `told` names the upstream of each change. */
function start(t: TestContext) {
  const told: string[] = [];
  const host = { log: silentLog, setTimer: systemTimers.set, now: () => process.uptime() * 1000, random: () => 0.5 };
  const set = new ResolverSet(host, (upstream) => void told.push(upstream));
  t.after(() => set.stop());
  const use = (upstreams: string, isSettled = true) => {
    const config = configure(upstreams);
    set.use(config);
    if (isSettled) set.settle();
    return () => set.endpoints('app', config.upstreams.app as never).map((endpoint) => describe(endpoint));
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { told, use, until, settle: () => set.settle() };
}

function describe(endpoint: Parameters<typeof formatAddress>[0] & { readonly weight: number; readonly zone?: string }) {
  return `${formatAddress(endpoint)}*${endpoint.weight}${endpoint.zone ?? ''}`;
}

async function temporaryFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.yaml');
  await writeFile(path, text);
  return path;
}

test('what stands beside a listed name goes for its addresses, which stand in its place', async (t) => {
  const { told, use, until } = start(t);
  const endpoints = use(`
  app:
    endpoints: [10.0.0.1:80, { address: 'localhost:81', weight: 3, zone: a }, 10.0.0.2:80]
`);
  await until(() => told.length === 1);
  const found = endpoints();
  assert.equal(found[0], '10.0.0.1:80*1');
  assert.ok(found.includes('127.0.0.1:81*3a'));
  assert.equal(found.at(-1), '10.0.0.2:80*1');
});

test('an address that is both listed and found is one endpoint', async (t) => {
  const { told, use, until } = start(t);
  const endpoints = use(`{ app: { endpoints: ['127.0.0.1:80', '[::1]:80', 'localhost:80'] } }`);
  await until(() => told.length > 0);
  assert.equal(endpoints().filter((name) => name === '127.0.0.1:80*1').length, 1);
});

test('a resolver with other options leaves the endpoints in use until it has its first answer', async (t) => {
  const { told, use, until } = start(t);
  const one = await temporaryFile(t, '[10.0.0.1:80]');
  const two = await temporaryFile(t, '[10.0.0.2:80]');
  use(`{ app: { resolve: { type: file, path: '${one}' } } }`);
  await until(() => told.length === 1);
  const endpoints = use(`{ app: { resolve: { type: file, path: '${two}' } } }`);
  assert.deepEqual(endpoints(), ['10.0.0.1:80*1']);
  await until(() => told.length === 2);
  assert.deepEqual(endpoints(), ['10.0.0.2:80*1']);
});

test('a resolver that is given up has nothing more to say', async (t) => {
  const { told, use, until } = start(t);
  const path = await temporaryFile(t, '[10.0.0.1:80]');
  use(`{ app: { resolve: { type: file, path: '${path}', interval: 10ms } } }`);
  await until(() => told.length === 1);
  const endpoints = use(`{ app: { endpoints: ['10.0.0.9:80'] }, other: { resolve: { type: file, path: '${path}' } } }`);
  await until(() => told.includes('other'));
  assert.deepEqual(endpoints(), ['10.0.0.9:80*1']);
});

test('other damping is taken over without a new resolver', async (t) => {
  const { told, use, until } = start(t);
  const path = await temporaryFile(t, '[10.0.0.1:80]');
  const options = `type: file, path: '${path}', interval: 10ms`;
  use(`{ app: { resolve: { ${options}, throttle: 1h } } }`);
  await until(() => told.length === 1);
  const endpoints = use(`{ app: { resolve: { ${options}, throttle: 0s } } }`);
  await writeFile(path, '[10.0.0.2:80]');
  await until(() => told.length === 2);
  assert.deepEqual(endpoints(), ['10.0.0.2:80*1']);
});

test('a change that is taken back leaves an upstream the endpoints it had, and those found meanwhile', async (t) => {
  const { told, use, until, settle } = start(t);
  const one = await temporaryFile(t, '[10.0.0.1:80]');
  const two = await temporaryFile(t, '[10.0.0.2:80]');
  const options = 'interval: 10ms, hold: 1h, throttle: 0s';
  const before = `{ app: { resolve: { type: file, path: '${one}', ${options} } } }`;
  const after = `{ app: { resolve: { type: file, path: '${two}', ${options} } } }`;
  use(before);
  await until(() => told.length === 1);
  for (const refused of [after, '{ other: { endpoints: [10.0.0.9:80] } }', '{ app: { endpoints: [10.0.0.9:80] } }']) {
    use(refused, false);
    assert.deepEqual(use(before, false)(), ['10.0.0.1:80*1']);
    settle();
  }
  const found = use(after, false);
  await until(() => found().includes('10.0.0.2:80*1'));
  await writeFile(one, '[10.0.0.1:80, 10.0.0.3:80]');
  const soFar = told.length;
  await until(() => told.length > soFar);
  assert.deepEqual(use(before)(), ['10.0.0.1:80*1', '10.0.0.3:80*1']);
});
