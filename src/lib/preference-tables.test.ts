// What the tables of consistent hashing promise each; the figures are printed. Beside each other and beside those of the literature they
// are in hash-comparison.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { hash64, hashHalves } from './hash.ts';
import { MaglevTable } from './maglev-table.ts';
import type { PreferenceTable, WeightedMember } from './preference-table.ts';
import { RendezvousTable } from './rendezvous-table.ts';
import { RingTable } from './ring-table.ts';

const TABLES = {
  maglev: (members: readonly WeightedMember[]) => new MaglevTable(members),
  ring: (members: readonly WeightedMember[]) => new RingTable(members),
  rendezvous: (members: readonly WeightedMember[]) => new RendezvousTable(members),
};

const equal = (count: number): readonly WeightedMember[] =>
  Array.from({ length: count }, (_, i) => ({ name: `10.0.${i >> 8}.${i & 255}:80`, weight: 1 }));

function pick(table: PreferenceTable, key: string): number {
  hash64(key, 1, 2);
  let picked = -1;
  table.walk(hashHalves[0] as number, hashHalves[1] as number, (member) => {
    picked = member;
    return true;
  });
  return picked;
}

function shares(table: PreferenceTable, members: number, keys: number): readonly number[] {
  const counts = new Array<number>(members).fill(0);
  for (let key = 0; key < keys; key++) counts[pick(table, `key-${key}`)] = (counts[pick(table, `key-${key}`)] ?? 0) + 1;
  return counts.map((count) => count / keys);
}

/** The largest relative deviation from a fair share that a kind of table may have. */
const EVENNESS = { maglev: 0.04, ring: 0.3, rendezvous: 0.04 };

for (const [name, create] of Object.entries(TABLES)) {
  const kind = name as keyof typeof TABLES;

  test(`${name}: shares follow the weights`, (t) => {
    const members = [1, 2, 3, 4].map((weight) => ({ name: `e${weight}`, weight }));
    const found = shares(create(members), 4, 50_000);
    t.diagnostic(`${name}: weights 1:2:3:4 gave ${found.map((share) => (share * 10).toFixed(2)).join(' : ')}`);
    for (const [i, share] of found.entries())
      assert.ok(Math.abs(share - (i + 1) / 10) < EVENNESS[kind] / 2, `${found.join(' ')}`);
  });

  // Maglev moves some, in exchange for a look-up of one step.
  test(`${name}: a member that comes takes keys and moves ${kind === 'maglev' ? 'few' : 'none'} between the others`, () => {
    const before = equal(9);
    const after = [...before, { name: 'new', weight: 1 }];
    const [first, second] = [create(before), create(after)];
    let between = 0;
    for (let key = 0; key < 5000; key++) {
      const now = after[pick(second, `key-${key}`)]?.name;
      if (now !== 'new' && now !== before[pick(first, `key-${key}`)]?.name) between++;
    }
    assert.ok(between <= (kind === 'maglev' ? 250 : 0), `${between}`);
  });

  test(`${name}: the order in which members are listed means nothing`, () => {
    const members = equal(8);
    const turned = members.toReversed();
    const [first, second] = [create(members), create(turned)];
    let same = 0;
    for (let key = 0; key < 2000; key++) {
      if (members[pick(first, `k${key}`)]?.name === turned[pick(second, `k${key}`)]?.name) same++;
    }
    // Two members of a Maglev table may want the same slot, and the first listed gets it.
    assert.ok(same >= (kind === 'maglev' ? 1900 : 2000), `${same}`);
  });

  test(`${name}: a walk that takes nobody is offered everybody`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.string(), (count, key) => {
        const table = create(equal(count));
        const seen = new Set<number>();
        hash64(key, 1, 2);
        table.walk(hashHalves[0] as number, hashHalves[1] as number, (member) => {
          seen.add(member);
          return false;
        });
        assert.equal(seen.size, count);
      }),
    );
  });

  test(`${name}: who is passed over gives its keys to all others alike`, (t) => {
    const table = create(equal(8));
    const counts = new Array<number>(8).fill(0);
    for (let key = 0; key < 20_000; key++) {
      hash64(`key-${key}`, 1, 2);
      table.walk(hashHalves[0] as number, hashHalves[1] as number, (member) => {
        if (member < 6) return false;
        counts[member] = (counts[member] ?? 0) + 1;
        return true;
      });
    }
    const share = (counts[6] ?? 0) / 20_000;
    t.diagnostic(
      `${name}: two of eight are left and have ${(share * 100).toFixed(1)} and ${(100 - share * 100).toFixed(1)} %`,
    );
    assert.ok(Math.abs(share - 0.5) < (kind === 'ring' ? 0.1 : 0.03), `${share}`);
  });

  test(`${name}: an empty table has nobody`, () => {
    assert.equal(pick(create([]), 'key'), -1);
  });
}
