// The short form of test/load/faults.ts: what clients see of an endpoint that goes through a fault under load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unexpected } from '../load/fault-judge.ts';
import { FAULTS } from '../load/fault-list.ts';
import { runFault } from '../load/fault-run.ts';

const OPTIONS = { connections: 20, pauseMs: 10, faultMs: 1500, afterMs: 500 };

/** Faults by which the endpoint is taken out. */
const TAKES_OUT: ReadonlySet<string> = new Set(['kill', 'stop', 'reset in content', '503 burst', '500 burst']);

for (const fault of FAULTS) {
  // Networks are changed by `npm run faults` only.
  if (fault.needs === 'namespace') continue;
  test(`${fault.name}: nothing fails that could be saved`, async (t) => {
    const result = await runFault(t, fault, OPTIONS);
    assert.deepEqual(unexpected(fault, result), []);
    assert.ok(result.requests > 100);
    if (TAKES_OUT.has(fault.name)) assert.notEqual(result.outAfterMs, undefined);
  });
}
