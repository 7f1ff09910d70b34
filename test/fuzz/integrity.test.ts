// A running gateway between many clients and origins that behave by chance, well and badly: whoever pauses, leaves or breaks, every
// byte reaches its own request, nothing hangs, and nothing is left behind.
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { authority, certificateFiles } from '../support/tls.ts';
import { Client } from './integrity-client.ts';
import { Contents } from './integrity-contents.ts';
import { type Dice, sleep } from './integrity-dice.ts';
import { Http2Client } from './integrity-http2-client.ts';
import { serve } from './integrity-origin.ts';
import { MAX_BODY, SETTLE_MS, TIMEOUT_MS, USERS, World } from './integrity-world.ts';
import { fuzzSeed } from './mutate.ts';

const SECONDS = Number(process.env.TIDEGATE_FUZZ_SECONDS ?? 12);
const ROUND_MS = 2000;
/** Clients, with one request at a time and with several. */
const AT_ONCE = 40;
const AT_ONCE_HTTP2 = 8;
const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
const SALT = Buffer.from('integrity');
const HASH = `scrypt$1024$8$1$${SALT.toString('base64')}$${scryptSync('secret', SALT, 32, { N: 1024, r: 8, p: 1 }).toString('base64')}`;

function configuration(world: World, workers: number, addresses: readonly string[]): string {
  const { dice } = world;
  const users = Array.from({ length: USERS }, (_, i) => `{ name: user${i}, password-hash: '${HASH}' }`).join(', ');
  const policies = `[
    { type: basic-auth, users: [${users}] },
    { type: max-body, size: ${MAX_BODY}B },
    { type: headers, request: { set: { x-marked: 'yes' } }, response: { set: { x-done: '\${response.status}' } } },
  ]`;
  const timeout = `${TIMEOUT_MS}ms`;
  return `
workers: ${workers}
listeners:
  web:
    address: '${world.folder === '' ? '127.0.0.1:0' : `unix:${join(world.folder, 'gateway')}`}'
    ${limits(dice, timeout)}
  secure:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
    ${limits(dice, timeout)}
routes: [{ name: all, match: { path: /* }, upstream: app, policies: ${world.guarded ? policies : '[]'} }]
upstreams:
  app:
    endpoints: [${addresses.map((address) => `'${address}'`).join(', ')}]
    protocol: ${world.originProtocol}
    eject: { after: 0 }
    timeouts: { connect: ${timeout}, first-byte: ${timeout}, idle: ${timeout} }
    ${recovery(dice)}
    pool: { streams: ${dice.pick([1, 3, 100])}, max-connections: ${dice.pick([2, 4, 20, 50])}, max-idle: ${dice.pick([1, 4])}, max-requests: ${dice.pick([3, 1000])}, idle-timeout: 300ms, wait-timeout: 400ms }
`;
}

/** Of a listener. */
function limits(dice: Dice, timeout: string): string {
  const options = [
    `timeouts: { head: ${timeout}, body: ${timeout}, keep-alive: ${timeout}, send: ${timeout} }`,
    `limits: { requests: ${dice.pick([6, 20, 1000])} }`,
    `http2: { streams: ${dice.pick([2, 10, 100])}, stream-window: ${dice.pick(['64KiB', '64KiB', '1MiB'])}, connection-window: ${dice.pick(['64KiB', '1MiB'])} }`,
  ];
  return options.join('\n    ');
}

/** What is done about failures, slowness and too many requests: now this, now that, now nothing of it. */
function recovery(dice: Dice): string {
  const retry = [
    `body-limit: ${dice.pick(['0B', '1KiB', '64KiB', '1MiB'])}`,
    `backoff: ${dice.pick(['0ms', '20ms'])}`,
    `same-endpoint: ${dice.chance(0.5)}`,
    'budget: 100%',
  ];
  const options = [
    `retry: { ${retry.join(', ')} }`,
    'hedge: { after: 60ms }',
    `concurrency: { limit: ${dice.pick([2, 12, 50])}, max-waiting: ${dice.pick([4, 100])}, wait-timeout: 400ms }`,
    'circuit-breaker: { window: 1s, min-requests: 30, error-rate: 60%, open: 200ms, trials: 3 }',
  ];
  return options.filter(() => dice.chance(0.4)).join('\n    ');
}

const GAUGES =
  /^(?:tidegate_upstream_waiting|tidegate_upstream_in_flight|tidegate_listener_connections_active|tidegate_listener_exchanges_active|tidegate_endpoint_in_flight|tidegate_endpoint_connections_active|tidegate_deadlines)[{ ]/;

async function metrics(gateway: TestGateway, wanted: RegExp): Promise<readonly string[]> {
  const text = await (await gateway.adminFetch('/metrics')).text();
  return text.split('\n').filter((line) => wanted.test(line));
}

/** The gauges that are not 0 a while after everybody has left. */
async function unsettled(gateway: TestGateway): Promise<readonly string[]> {
  for (const until = Date.now() + SETTLE_MS; ; await sleep(50)) {
    const left = (await metrics(gateway, GAUGES)).filter((line) => !line.endsWith(' 0'));
    if (left.length === 0 || Date.now() > until) return left;
  }
}

async function checkRecords(world: World, gateway: TestGateway): Promise<void> {
  const counted = (await metrics(gateway, /^tidegate_listener_requests_total/)).reduce(
    (sum, line) => sum + Number(line.split(' ').at(-1)),
    0,
  );
  for (const until = Date.now() + SETTLE_MS; gateway.output.length < counted && Date.now() < until; ) await sleep(50);
  const { records } = gateway;
  if (records.length !== counted) world.violated(`${counted} exchanges counted, ${records.length} recorded`);
  const statuses = new Map<number, unknown[]>();
  for (const { path, status } of records) {
    // A request whose head was not read has no path.
    const id = path === '' ? -1 : Number(String(path).slice(3));
    statuses.set(id, [...(statuses.get(id) ?? []), status]);
  }
  for (const [id, facts] of world.facts) {
    const found = statuses.get(id) ?? [];
    if (!facts.read) continue;
    const due = facts.status !== 0 || facts.heads > 0;
    if (found.length > 1 || (due && found.length === 0)) world.violated(`${found.length} records`, facts);
    if (facts.status !== 0 && found[0] !== facts.status) world.violated(`recorded as ${found[0]}`, facts);
  }
}

async function checkWell(world: World, gateway: TestGateway, workers: number): Promise<void> {
  const status = await gateway.admin<{ workers: readonly { readonly state: string }[] }>('/status');
  const ready = status.workers.filter(({ state }) => state === 'ready');
  if (ready.length !== workers) world.violated(`workers: ${JSON.stringify(status.workers)}`);
  for (const line of gateway.log) {
    if (['error', 'text'].includes(line.level) || /replaced|dropped/.test(line.msg))
      world.violated(JSON.stringify(line));
  }
}

interface Played {
  readonly world: World;
  readonly violations: readonly string[];
}

/** Runs one gateway for a while; returns all that happened there. */
async function playRound(t: TestContext, seed: number, contents: Contents): Promise<Played> {
  const world = new World(t, seed, contents, serve);
  // Only one thread can listen on the path of a Unix socket.
  const workers = world.folder === '' ? world.dice.between(1, 2) : 1;
  const addresses = [await world.listen('one'), ...(world.dice.chance(0.5) ? [await world.listen('two')] : [])];
  const gateway = await startTidegate(t, configuration(world, workers, addresses), { files });
  const until = Date.now() + ROUND_MS;
  const play = async (_: unknown, index: number): Promise<void> => {
    while (Date.now() < until)
      await (index < AT_ONCE ? new Client(world, gateway) : new Http2Client(world, gateway)).run();
  };
  await Promise.all(Array.from({ length: AT_ONCE + AT_ONCE_HTTP2 }, play));
  for (const line of await unsettled(gateway)) world.violated(`left behind: ${line}`);
  await checkWell(world, gateway, workers);
  await checkRecords(world, gateway);
  await gateway.kill();
  return { world, violations: world.report(gateway.records) };
}

test('whatever clients and origins do, every byte reaches its own request, nothing hangs and nothing is left behind', {
  timeout: (SECONDS + 60) * 1000,
}, async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const contents = new Contents(seed);
  const until = Date.now() + SECONDS * 1000;
  for (let round = 0; round === 0 || Date.now() < until - ROUND_MS; round++) {
    const { world, violations } = await playRound(t, seed + 1_000_003 * round, contents);
    const all = [...world.facts.values()];
    const relayed = all.filter(({ status }) => status !== 0).length;
    t.diagnostic(
      `round ${round}, ${world.originProtocol}: ${all.length} planned, ${relayed} answered, ${JSON.stringify([...world.codes])}`,
    );
    assert.deepEqual(violations.slice(0, 10), []);
  }
});
