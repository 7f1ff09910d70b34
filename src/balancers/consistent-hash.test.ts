// Consistent hashing of requests: keys stick to endpoints, loads stay bounded, retries go on in the key's own order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { seededRandom } from '#lib/random.ts';
import type { Balancer } from '#model/balancer.ts';
import type { Exchange } from '#model/exchange.ts';
import { createTestExchange } from '#model/testing.ts';
import type { Endpoint } from '#model/upstream.ts';
import { consistentHash, sourceHash } from './consistent-hash.ts';

const TABLES = ['maglev', 'ring', 'rendezvous'] as const;
const host = { clock: new ManualClock(), random: seededRandom(5) };

function endpoints(...weights: readonly number[]): (Endpoint & { cells: { inFlight: number } })[] {
  return weights.map((weight, i) => ({ name: `e${i}`, weight, cells: { inFlight: 0 } }) as never);
}

const user = (name: string): Exchange => createTestExchange({ fields: [['x-user', name]] });

function create(options: Record<string, unknown>): Balancer {
  return consistentHash.create(consistentHash.options.parse({ key: { header: 'x-user' }, ...options }), host);
}

for (const table of TABLES) {
  test(`${table}: a key goes to the same endpoint every time, in every worker`, () => {
    const candidates = endpoints(1, 1, 1, 1);
    const [one, other] = [create({ table }), create({ table })];
    for (let i = 0; i < 200; i++) {
      const picked = one.pick(candidates, user(`u${i}`), []);
      assert.equal(one.pick(candidates, user(`u${i}`), []), picked);
      assert.equal(other.pick(candidates, user(`u${i}`), []), picked);
    }
  });

  test(`${table}: when an endpoint goes, its keys go to the endpoints that a retry would have gone to`, () => {
    const all = endpoints(1, 1, 1, 1, 1);
    const balancer = create({ table });
    let same = 0;
    let lost = 0;
    for (let i = 0; i < 500; i++) {
      const first = balancer.pick(all, user(`u${i}`), []);
      if (first !== all[2]) continue;
      lost++;
      const retried = balancer.pick(all, user(`u${i}`), [first]);
      assert.notEqual(retried, first);
      const without = user(`u${i}`);
      without.upstream = { endpoints: all } as never;
      if (create({ table }).pick(all.toSpliced(2, 1), without, []) === retried) same++;
    }
    assert.ok(lost > 50);
    assert.equal(same, lost);
  });

  test(`${table}: when an endpoint goes, no keys move but its own`, () => {
    const all = endpoints(1, 2, 3, 2, 1);
    const balancer = create({ table });
    for (let i = 0; i < 500; i++) {
      const exchange = user(`u${i}`);
      exchange.upstream = { endpoints: all } as never;
      const before = balancer.pick(all, exchange, []);
      if (before !== all[2]) assert.equal(balancer.pick(all.toSpliced(2, 1), exchange, []), before);
    }
  });

  test(`${table}: no endpoint exceeds its bounded load, whatever the keys`, () => {
    const candidates = endpoints(1, 2, 1);
    const balancer = create({ table, 'bounded-load': 1.25 });
    for (let i = 0; i < 400; i++) {
      // One key in three is the same: without a bound its endpoint would have a third of all and more.
      const picked = balancer.pick(candidates, user(i % 3 === 0 ? 'hot' : `u${i}`), []);
      (picked.cells as { inFlight: number }).inFlight++;
      const total = candidates.reduce((sum, { cells }) => sum + cells.inFlight, 0);
      for (const { weight, cells } of candidates)
        assert.ok(cells.inFlight <= Math.ceil((1.25 * total * weight) / 4), `${cells.inFlight} of ${total}`);
    }
  });

  test(`${table}: without load a bound changes nothing`, () => {
    const candidates = endpoints(1, 1, 1);
    const [free, bound] = [create({ table }), create({ table, 'bounded-load': 1.25 })];
    for (let i = 0; i < 100; i++)
      assert.equal(bound.pick(candidates, user(`u${i}`), []), free.pick(candidates, user(`u${i}`), []));
  });
}

test('requests without the key are shared out by weight', () => {
  const candidates = endpoints(1, 3);
  const balancer = create({});
  let heavy = 0;
  for (let i = 0; i < 2000; i++) if (balancer.pick(candidates, createTestExchange(), []) === candidates[1]) heavy++;
  assert.ok(Math.abs(heavy - 1500) < 120, `${heavy}`);
});

test('source-hash tells clients apart by their addresses, and IPv6 clients by their networks', () => {
  const candidates = endpoints(1, 1, 1, 1, 1, 1, 1, 1);
  const balancer = sourceHash.create(sourceHash.options.parse({}), host);
  const of = (clientAddress: string) => balancer.pick(candidates, createTestExchange({ clientAddress }), []);
  assert.equal(of('2001:db8::1'), of('2001:db8::ffff'));
  assert.ok(new Set(Array.from({ length: 100 }, (_, i) => of(`192.0.2.${i}`))).size === 8);
});
