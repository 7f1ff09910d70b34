// Subsets of an upstream: who belongs to one, and what it shares with the whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Balancer } from '#model/balancer.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { createSubset, type Labels } from './subset.ts';

const balancer = {} as Balancer;
const endpoint = (name: string, labels: Labels): Endpoint => ({ name, labels }) as unknown as Endpoint;
const upstream = (...endpoints: Endpoint[]): Upstream => ({ name: 'app', endpoints }) as unknown as Upstream;

function names(whole: Upstream, labels: Labels, whenEmpty: 'none' | 'any' = 'none'): string {
  return createSubset(whole, { labels, whenEmpty, balancer })
    .endpoints.map(({ name }) => name)
    .join(' ');
}

const app = upstream(
  endpoint('a', { version: 'v1', tier: 'x' }),
  endpoint('b', { version: 'v2', tier: 'x' }),
  endpoint('c', { version: 'v2', tier: 'y' }),
  endpoint('d', {}),
);

test('endpoints that bear all of the labels belong to a subset, whatever else they bear', () => {
  assert.equal(names(app, { version: 'v2' }), 'b c');
  assert.equal(names(app, { version: 'v2', tier: 'y' }), 'c');
  assert.equal(names(app, {}), 'a b c d');
});

test('with nobody in it a subset is empty, or the whole', () => {
  assert.equal(names(app, { version: 'v3' }), '');
  assert.equal(names(app, { version: 'v3' }, 'any'), 'a b c d');
  assert.equal(names(app, { version: 'v2' }, 'any'), 'b c');
});

test('the list stays the same array until the whole has another one', () => {
  const whole = upstream(...app.endpoints);
  const subset = createSubset(whole, { labels: { version: 'v2' }, whenEmpty: 'none', balancer });
  const before = subset.endpoints;
  assert.equal(subset.endpoints, before);
  whole.endpoints = [endpoint('e', { version: 'v2' }), ...app.endpoints];
  assert.deepEqual(
    subset.endpoints.map(({ name }) => name),
    ['e', 'b', 'c'],
  );
  assert.equal(subset.endpoints, subset.endpoints);
});
