// The short form of test/load/reload-under-load.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHttp2Reloads } from '../load/http2-reload-run.ts';
import { runReloads } from '../load/reload-run.ts';
import { missing } from '../support/peers.ts';

test('no request is lost while the configuration changes, an origin dies and another drains', async (t) => {
  const result = await runReloads(t, { connections: 40, seconds: 4, reloads: 8, workers: 2, pauseMs: 5 });
  assert.equal(result.reloads, 8);
  assert.ok(result.requests > 100);
  assert.deepEqual(
    result.failures.filter((failure) => !result.unavoidable.includes(failure)),
    [],
  );
});

test('no request of HTTP/2 is lost while configuration and certificate change', {
  skip: missing('h2load'),
}, async (t) => {
  const options = { connections: 20, streams: 20, requests: 5000, changes: 4, workers: 2 };
  const { requests, succeeded, changes } = await runHttp2Reloads(t, options);
  assert.equal(changes, 4);
  assert.equal(succeeded, requests);
});
