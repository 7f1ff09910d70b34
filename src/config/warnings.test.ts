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
