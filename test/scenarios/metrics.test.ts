// Metrics: they count what happened, no more and no less.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw } from '../support/raw-client.ts';

test('requests are counted by listener, route, upstream and endpoint, and the histogram has them all', async (t) => {
  const origin = await startOrigin(t, ({ target }) =>
    target === '/app/bad' ? ok().replace('200', '500') : ok('12345'),
  );
  const gateway = await startTidegate(
    t,
    `
routes:
  - { name: app, match: { path: /app/* }, upstream: app }
  - { name: own, match: { path: /own }, respond: { body: mine } }
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const ask = (path: string) => client.request(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  for (let turn = 0; turn < 7; turn++) assert.equal((await ask('/app/good')).status, 200);
  for (let turn = 0; turn < 3; turn++) assert.equal((await ask('/app/bad')).status, 500);
  for (let turn = 0; turn < 2; turn++) assert.equal((await ask('/own')).status, 200);
  assert.equal((await ask('/none')).status, 404);

  const text = await (await gateway.adminFetch('/metrics')).text();
  const value = (series: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1],
    );
  assert.equal(value('tidegate_listener_requests_total{listener="web",code_class="2xx"}'), 9);
  assert.equal(value('tidegate_listener_requests_total{listener="web",code_class="4xx"}'), 1);
  assert.equal(value('tidegate_listener_requests_total{listener="web",code_class="5xx"}'), 3);
  assert.equal(value('tidegate_route_requests_total{route="app",code_class="2xx"}'), 7);
  assert.equal(value('tidegate_route_requests_total{route="own",code_class="2xx"}'), 2);
  assert.equal(value('tidegate_upstream_requests_total{upstream="app",code_class="5xx"}'), 3);
  const endpoint = `upstream="app",endpoint="${origin.address}"`;
  assert.equal(value(`tidegate_endpoint_requests_total{${endpoint},code_class="2xx"}`), 7);
  assert.equal(value(`tidegate_endpoint_request_duration_seconds_count{${endpoint}}`), 10);
  assert.equal(value(`tidegate_endpoint_request_duration_seconds_bucket{${endpoint},le="+Inf"}`), 10);
  assert.equal(value('tidegate_listener_connections_active{listener="web"}'), 1);
  assert.equal(value('tidegate_listener_exchanges_active{listener="web"}'), 0);
  assert.equal(value(`tidegate_endpoint_in_flight{${endpoint}}`), 0);
});

test('each exchange that fails is counted by its error, over all workers', async (t) => {
  const gateway = await startTidegate(
    t,
    `
workers: 2
routes:
  - { name: gone, match: { path: /gone }, upstream: gone }
  - { name: limited, match: { path: /limited }, policies: [{ type: rate-limit, rate: 1/h }], respond: {} }
upstreams: { gone: { endpoints: ['127.0.0.1:${await closedPort()}'] } }
`,
  );
  const ask = (path: string) =>
    fetch(`http://127.0.0.1:${gateway.port()}${path}`, { headers: { connection: 'close' } });
  assert.equal((await ask('/gone')).status, 502);
  for (let turn = 0; turn < 3; turn++) assert.equal((await ask('/none')).status, 404);
  assert.equal((await ask('/limited')).status, 200);
  assert.equal((await ask('/limited')).status, 429);

  const text = await (await gateway.adminFetch('/metrics')).text();
  const counted = text
    .split('\n')
    .filter((line) => line.startsWith('tidegate_errors_total') && !line.endsWith(' 0'))
    .sort();
  assert.deepEqual(counted, [
    'tidegate_errors_total{error="connection_refused",side="origin"} 1',
    'tidegate_errors_total{error="no-route",side="client"} 3',
    'tidegate_errors_total{error="rate-limited",side="client"} 1',
  ]);
});

test('an attempt that fails is one failure of its endpoint, whatever the client gets', async (t) => {
  const origin = await startOrigin(t);
  const closed = `127.0.0.1:${await closedPort()}`;
  const gateway = await startTidegate(
    t,
    `
routes:
  - { name: retried, match: { path: /retried }, upstream: both }
  - { name: lost, match: { path: /lost }, upstream: closed }
upstreams:
  both: { balancer: first-fit, endpoints: ['${closed}', '${origin.address}'] }
  closed: { endpoints: ['${closed}'] }
`,
  );
  const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${gateway.port()}${path}`)).status;
  assert.deepEqual([await statusOf('/retried'), await statusOf('/lost')], [200, 502]);
  const { upstreams } = (await (await gateway.adminFetch('/upstreams')).json()) as {
    upstreams: { endpoints: { name: string; failures: number }[] }[];
  };
  const failures = upstreams.map(({ endpoints }) => endpoints.map((endpoint) => endpoint.failures));
  assert.deepEqual(failures, [[1, 0], [1]]);
});

test('the exposition is well formed: every sample has its type, told once and before it', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: 'quo"te', match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] }, other: { endpoints: ['${origin.address}'] } }
`,
  );
  const text = await (await gateway.adminFetch('/metrics')).text();
  const types = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.trim().split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) {
      assert.equal(types.has(type[1] ?? ''), false, `${line} is told twice`);
      types.set(type[1] ?? '', type[2] ?? '');
    }
    if (line.startsWith('#')) continue;
    const sample = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)$/.exec(
      line,
    );
    assert.ok(sample, line);
    const family = (sample[1] ?? '').replace(/_(?:bucket|sum|count)$/, '');
    assert.ok(types.has(family) || types.has(sample[1] ?? ''), line);
    assert.equal(seen.has(line.slice(0, line.lastIndexOf(' '))), false, `${line} twice`);
    seen.add(line.slice(0, line.lastIndexOf(' ')));
  }
});
