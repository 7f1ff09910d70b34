// The short form of test/load/reload-under-load.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runReloads } from '../load/reload-run.ts';

test('no request is lost while the configuration changes, an origin dies and another drains', {
  timeout: 60_000,
}, async (t) => {
  const result = await runReloads(t, { connections: 40, seconds: 4, reloads: 8, workers: 2, pauseMs: 5 });
  assert.equal(result.reloads, 8);
  assert.ok(result.requests > 100);
  assert.deepEqual(
    result.failures.filter((failure) => !result.unavoidable.includes(failure)),
    [],
  );
});
