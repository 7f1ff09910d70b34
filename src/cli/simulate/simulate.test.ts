// `tidegate simulate` from the words of its options to what it prints.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import type { RunSummary } from '#simulate/summary.ts';
import type { SimulateWords } from './options.ts';
import { runSimulations } from './run-simulations.ts';

/** What the command line gives where nothing is said. */
const DEFAULTS: SimulateWords = {
  rate: '100/s',
  arrivals: 'poisson',
  burst: '100',
  clients: '100',
  seed: '1',
  requests: '500',
};

const ONE = `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
routes:
  - { name: api, match: { hosts: ['*.example.com'], path: '/v1/:id/*', methods: [POST] }, upstream: app }
  - { name: other, match: { path: /other/* }, respond: { status: 204 } }
upstreams:
  app: { balancer: { type: first-fit, in-flight: 1 }, endpoints: [10.0.0.1:80, 10.0.0.2:80] }
`;
const TWO = `${ONE}  spare: { endpoints: [10.0.0.9:80] }\n`;
const FOUND = ONE.replace('endpoints: [10.0.0.1:80, 10.0.0.2:80]', 'resolve: { type: dns, name: app.test, port: 80 }');

function fileWith(t: TestContext, text: string, name = 'tidegate.yaml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-simulate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function runsOf(files: readonly string[], words: Partial<SimulateWords>): Promise<readonly RunSummary[]> {
  const text = await runSimulations(files, { ...DEFAULTS, json: true, ...words });
  return (JSON.parse(text) as { readonly runs: readonly RunSummary[] }).runs;
}

async function refuses(files: readonly string[], words: Partial<SimulateWords>, code: number, text: RegExp) {
  await assert.rejects(runSimulations(files, { ...DEFAULTS, ...words }), (error) => {
    assert.ok(error instanceof CommandError, String(error));
    assert.match(error.message, text);
    assert.equal(error.exitCode, code);
    return true;
  });
}

test('requests are such as the route to the upstream takes, and all of them are answered', async (t) => {
  const [run] = await runsOf([fileWith(t, ONE)], {});
  assert.deepEqual([run?.requests, run?.elsewhere, run?.statuses], [500, 0, { 200: 500 }]);
  assert.deepEqual([run?.label, run?.balancer, run?.upstream], ['first-fit', 'first-fit', 'app']);
});

test('two balancers are compared under the same requests; the one of the file keeps its options', async (t) => {
  const [own, other] = await runsOf([fileWith(t, ONE)], { balancer: 'first-fit, round-robin', rate: '10/s' });
  assert.deepEqual([own?.label, other?.label], ['first-fit', 'round-robin']);
  // One request at a time has room at the first: with the default of 100 the second would get none at all.
  assert.ok((own?.endpoints[1]?.attempts ?? 0) > 0);
  assert.ok((own?.endpoints[0]?.share ?? 0) > 0.7, `${own?.endpoints[0]?.share}`);
  assert.equal(other?.endpoints[0]?.attempts, 250);
});

test('two files are compared side by side, each under its name', async (t) => {
  const files = [
    fileWith(t, ONE, 'old.yaml'),
    fileWith(t, ONE.replace('first-fit, in-flight: 1', 'random'), 'new.yaml'),
  ];
  const runs = await runsOf(files, {});
  assert.deepEqual(
    runs.map(({ label, balancer }) => [label, balancer]),
    [
      [files[0], 'first-fit'],
      [files[1], 'random'],
    ],
  );
  const text = await runSimulations(files, DEFAULTS);
  assert.match(text, /^500 requests \(100\/s, poisson\), \d+\.\d s of virtual time, upstream app, seed 1\n/);
  assert.match(text, /^requests +500 +500$/m);
});

test('the same words print the same text', async (t) => {
  const file = fileWith(t, ONE);
  const words = { ...DEFAULTS, balancer: 'random,two-choices', endpoint: ['*=errors:5%,resets:5%'] };
  assert.equal(await runSimulations([file], words), await runSimulations([file], words));
});

test('an endpoint behaves as named, and all others as *', async (t) => {
  const endpoint = ['10.0.0.1:80=latency:10ms,spread:none', '*=latency:30ms,spread:none'];
  const [run] = await runsOf([fileWith(t, ONE)], { balancer: 'round-robin', endpoint });
  assert.deepEqual(
    run?.endpoints.map(({ latencyMs }) => latencyMs.p50),
    [10, 30],
  );
});

test('a time ends the simulation', async (t) => {
  const words = { duration: '2s', rate: '10/s', arrivals: 'constant' };
  const { requests: _, ...without } = DEFAULTS;
  const text = await runSimulations([fileWith(t, ONE)], { ...without, ...words, json: true });
  assert.equal((JSON.parse(text) as { runs: RunSummary[] }).runs[0]?.requests, 20);
});

test('endpoints that a resolver would find are those named', async (t) => {
  const file = fileWith(t, FOUND);
  const [run] = await runsOf([file], { endpoint: ['10.1.0.1:80=', '10.1.0.2:80=errors:1%'] });
  assert.deepEqual(
    run?.endpoints.map(({ name }) => name),
    ['10.1.0.1:80', '10.1.0.2:80'],
  );
  await refuses([file], {}, EXIT.usage, /found by a resolver.*--endpoint/);
});

test('an endpoint that is named twice is one, and behaves as was said last', async (t) => {
  const endpoint = ['10.1.0.1:80=latency:10ms,spread:none', '10.1.0.2:80=', '10.1.0.1:80=latency:30ms,spread:none'];
  const [run] = await runsOf([fileWith(t, FOUND)], { endpoint, balancer: 'round-robin' });
  assert.deepEqual(
    run?.endpoints.map(({ name, attempts }) => [name, attempts]),
    [
      ['10.1.0.1:80', 250],
      ['10.1.0.2:80', 250],
    ],
  );
  assert.equal(run?.endpoints[0]?.latencyMs.p50, 30);
});

test('requests that are all answered at once take no time, and are reported all the same', async (t) => {
  const users = 'policies: [{ type: basic-auth, users: [{ name: ada, password: secret }] }]';
  const file = fileWith(t, ONE.replace('methods: [POST] },', `methods: [POST] }, ${users},`));
  const words = { ...DEFAULTS, arrivals: 'bursts', requests: '5' };
  assert.doesNotMatch(await runSimulations([file], words), /NaN/);
  const [run] = await runsOf([file], words);
  assert.deepEqual([run?.statuses, run?.durationMs], [{ 401: 5 }, 0]);
  assert.deepEqual(new Set(run?.timeline.inFlight), new Set([0]));
});

test('a recorded log is replayed: its requests at their times, those for others counted apart', async (t) => {
  const file = fileWith(t, ONE);
  const record = (ms: number, method: string, path: string) =>
    JSON.stringify({
      time: new Date(Date.UTC(2026, 0, 1) + ms).toISOString(),
      client: '192.0.2.1',
      method,
      host: 'www.example.com',
      path,
      version: '1.1',
      duration_ms: 0,
    });
  const lines = [record(0, 'POST', '/v1/7/a'), record(500, 'GET', '/other/a'), record(2000, 'POST', '/v1/8/b?q')];
  const from = fileWith(t, lines.join('\n'), 'access.log');
  const words = { from, endpoint: ['*=latency:10ms,spread:none'], balancer: 'first-fit' };
  const [run] = await runsOf([file], words);
  assert.deepEqual([run?.requests, run?.elsewhere, run?.durationMs], [2, 1, 2010]);
  assert.deepEqual(
    run?.endpoints.map(({ attempts }) => attempts),
    [2, 0],
  );
  assert.match(await runSimulations([file], { ...DEFAULTS, ...words }), /^3 requests \(recorded in /);
});

test('a log in which nothing is for the upstream is said to be so', async (t) => {
  const line = `{"time":"2026-01-01T00:00:00.000Z","client":"192.0.2.1","method":"GET","host":"a.test","path":"/","version":"1.1","duration_ms":1}`;
  await refuses([fileWith(t, ONE)], { from: fileWith(t, line, 'access.log') }, EXIT.bad, /not one request.*app/);
  await refuses([fileWith(t, ONE)], { from: '/nowhere/access.log' }, EXIT.bad, /\/nowhere\/access\.log cannot be read/);
});

test('a configuration with problems is told with their places', async (t) => {
  await refuses([fileWith(t, ONE.replace('match:', 'mtch:'))], {}, EXIT.bad, /tidegate\.yaml:4:\d+: .*mtch/);
});

for (const [words, text] of [
  [
    { balancer: 'least-request' },
    /^--balancer: there is no balancer "least-request"; did you mean "least-requests"\?$/,
  ],
  [{ balancer: 'fastest' }, /^--balancer: there is no balancer "fastest"; there are consistent-hash, /],
  [{ upstream: 'ap' }, /^--upstream: .* has no upstream "ap"; did you mean "app"\?$/],
  [{ endpoint: ['10.0.0.1:80'] }, /^--endpoint: "10\.0\.0\.1:80" is not ADDRESS=BEHAVIOUR/],
  [{ endpoint: ['10.0.0.1=latency:1s'] }, /^--endpoint: "10\.0\.0\.1" is not an address/],
  [
    { endpoint: ['10.0.0.7:80=latency:1s'] },
    /^--endpoint: app has no endpoint 10\.0\.0\.7:80; did you mean 10\.0\.0\.1:80\?$/,
  ],
  [{ endpoint: ['10.0.0.1:80=latncy:1s'] }, /^--endpoint: unknown key "latncy"; did you mean "latency"\?$/],
  [{ rate: '100' }, /^--rate: "100" is not a rate such as 100\/s/],
  [{ requests: '0' }, /^--requests: "0" is not a whole number from 1/],
  [{ requests: '20000000' }, /^--requests: .* from 1 to 10000000$/],
  [{ duration: '0s' }, /^--duration: it must be longer than nothing$/],
  [{ arrivals: 'sometimes' }, /^--arrivals: "sometimes" is none of poisson, constant, bursts$/],
  [{ clients: 'many' }, /^--clients: /],
  [{ seed: '-1' }, /^--seed: /],
  [{ path: 'v1' }, /^--path: "v1" is not a path/],
  [{ host: 'a b' }, /^--host: "a b" is not a host/],
  [{ method: 'GET /' }, /^--method: /],
  [{ header: ['x-user'] }, /^--header: "x-user" is not a field/],
  [{ header: ['Host: a'] }, /^--header: Host is written by the gateway; see also --host$/],
  [{ path: '/nowhere' }, /^not one request was meant for the upstream app: say with --method, --host, --path/],
] as const) {
  test(`${JSON.stringify(words)} is a wrong call, and says why`, async (t) => {
    await refuses([fileWith(t, ONE)], words, EXIT.usage, text);
  });
}

test('of several upstreams one must be named', async (t) => {
  await refuses([fileWith(t, TWO)], {}, EXIT.usage, /^--upstream: name one of app, spare$/);
  await refuses([fileWith(t, TWO)], { upstream: 'spare' }, EXIT.usage, /no route of .* leads to the upstream spare/);
  const [run] = await runsOf([fileWith(t, TWO)], { upstream: 'app' });
  assert.equal(run?.requests, 500);
});
