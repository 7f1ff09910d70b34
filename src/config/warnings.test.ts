// What `tidegate check` warns of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from './load.ts';
import { configurationWarnings } from './warnings.ts';

function warnings(rest: string): readonly string[] {
  const text = `version: 1\nlisteners: { web: { address: '127.0.0.1:0' } }\n${rest}`;
  return configurationWarnings(parseConfiguration(text, referencesFor('.', {})).config);
}

test('two routes with the same match: the second never gets a request', () => {
  const found = warnings(`
routes:
  - { name: one, match: { path: [/a, /b], methods: [GET] }, respond: {} }
  - { name: two, match: { path: [/b, /a], methods: [GET] }, respond: {} }
`);
  assert.deepEqual(found, ['route two never matches: route one, which comes before it, matches the same requests']);
});

test('routes that differ in a condition are both of use', () => {
  const found = warnings(`
routes:
  - { name: one, match: { path: /a, headers: { x-a: '1' } }, respond: {} }
  - { name: two, match: { path: /a }, respond: {} }
`);
  assert.deepEqual(found, []);
});

test('an upstream that no route names is told', () => {
  const found = warnings(`
routes: [{ name: one, match: { path: /* }, respond: {} }]
upstreams: { spare: { endpoints: ['127.0.0.1:9001'] } }
`);
  assert.deepEqual(found, ['nothing goes to upstream spare']);
});

const LABELLED = `
upstreams: { app: { endpoints: [{ address: '127.0.0.1:1', labels: { version: v1, tier: a } }, '127.0.0.1:2'] } }
routes: [{ name: one, match: { path: /* }, upstream: `;

test('a subset that no listed endpoint belongs to is told where it falls back, and refused where it does not', () => {
  assert.deepEqual(warnings(`${LABELLED}{ name: app, subset: { version: v1 }, when-empty: any } }]`), []);
  assert.deepEqual(warnings(`${LABELLED}{ name: app, subset: { version: v2 }, when-empty: any } }]`), [
    'route one goes to any endpoint: no endpoint of app bears version: v2; there are version: v1, tier: a',
  ]);
  assert.throws(
    () => warnings(`${LABELLED}{ split: [{ upstream: app, weight: 1, subset: { version: v1, tier: b } }] } }]`),
    (error) => {
      const [problem] = (error as { problems: { message: string }[] }).problems;
      assert.equal(problem?.message, 'no endpoint of app bears version: v1, tier: b; there are version: v1, tier: a');
      return true;
    },
  );
});

test('whether a subset has endpoints is not told before a resolver has found them', () => {
  const target = '{ name: app, subset: { version: v2 } }';
  assert.deepEqual(
    warnings(`
upstreams: { app: { resolve: { type: file, path: list.yaml } } }
routes: [{ name: one, match: { path: /* }, upstream: ${target} }]
`),
    [],
  );
});

test('a PROXY header that nothing is sent with is told', () => {
  const found = warnings(`
routes: [{ name: one, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:9001'], send-proxy-protocol: v2 } }
`);
  assert.equal(found.length, 1);
  assert.match(
    found[0] ?? '',
    /^upstream app has send-proxy-protocol, which is for what TCP and UDP listeners pass on/,
  );
});

test('a time that another option cuts is told', () => {
  const found = warnings(`
routes: [{ name: one, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:9001'], eject: { time: 10m }, retry: { backoff: 2s } } }
`);
  assert.deepEqual(found, [
    'upstream app has an eject.time above eject.max-time, which is what counts',
    'upstream app has a retry.backoff above retry.max-backoff, which is what counts',
  ]);
});

test('recovery that cannot happen as it is written is told', () => {
  const of = (options: string) =>
    warnings(`
routes: [{ name: one, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:1'], ${options} } }
`);
  const never = (option: string) => [`upstream app has hedge, and no second attempt is made: ${option}`];
  assert.deepEqual(of('hedge: { after: 50ms }'), []);
  assert.deepEqual(of('hedge: { after: 50ms }, retry: { attempts: 1 }'), never('retry.attempts is 1'));
  assert.deepEqual(of('hedge: { after: 50ms }, retry: { budget: 0% }'), never('retry.budget is 0%'));
});

test('options for gRPC where requests go over HTTP/1.1 are told', () => {
  const of = (options: string) =>
    warnings(`
routes: [{ name: one, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:1'], ${options} } }
`);
  const unspoken = (option: string) => [
    `upstream app has ${option}, and gets its requests over HTTP/1.1; servers of gRPC want protocol: http2`,
  ];
  assert.deepEqual(of('health: { type: grpc }'), unspoken('health.type: grpc'));
  assert.deepEqual(of('grpc: { max-timeout: 1m }'), unspoken('grpc.max-timeout'));
  assert.deepEqual(of('retry: { on: [connect, grpc-unavailable] }'), unspoken('retry.on: grpc-unavailable'));
  assert.deepEqual(of('health: { type: grpc }, protocol: http2'), []);
  assert.deepEqual(of('retry: { on: [connect] }'), []);
});

test('an endpoint that need not prove who it is, or hardly can, is told', () => {
  const of = (options: string) =>
    warnings(`
routes: [{ name: one, match: { path: /* }, upstream: app }]
upstreams: { app: { ${options} } }
`);
  const listed = "endpoints: ['127.0.0.1:1']";
  const found = 'resolve: { type: dns, name: app.test, port: 443 }';
  assert.deepEqual(of(`${listed}, tls: true`), []);
  assert.deepEqual(of(`${listed}, tls: { verify: false }`), [
    'upstream app has tls.verify: false, so that whoever answers at the address of an endpoint is taken for it',
  ]);
  assert.deepEqual(of(`${found}, tls: true`), [
    'upstream app has no tls.server-name, and finds its endpoints as IP addresses: their certificates must be for these',
  ]);
  assert.deepEqual(of(`${found}, tls: { server-name: app.test }`), []);
  assert.deepEqual(of(`${found}, tls: true, host: 'app.test:443'`), []);
});
