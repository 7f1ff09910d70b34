// The short form of test/load/attacks.ts: each attack is bounded and counted, and ordinary clients are served meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flaws } from '../load/attack-judge.ts';
import { ATTACKS } from '../load/attack-list.ts';
import { runAttack } from '../load/attack-run.ts';

const OPTIONS = { clients: 5, beforeMs: 100, attackMs: 1000, afterMs: 0 };

for (const attack of ATTACKS) {
  test(`${attack.name}: ordinary clients are served meanwhile`, async (t) => {
    assert.deepEqual(flaws(attack, await runAttack(t, attack, OPTIONS)), []);
  });
}
