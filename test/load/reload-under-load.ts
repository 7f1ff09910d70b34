// `npm run load`: 200 connections for 30 s while the configuration is reloaded 20 times, an origin is killed and started again,
// and another is drained; then h2load with 100 connections of 100 streams while configuration and certificate change 20 times. Ends with
// 1 when a request failed that did not have to.
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { missing } from '../support/peers.ts';
import { runHttp2Reloads } from './http2-reload-run.ts';
import { runReloads } from './reload-run.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '30' },
    reloads: { type: 'string', default: '20' },
    workers: { type: 'string', default: '2' },
  },
});

test('nothing is lost under load', { timeout: 600_000 }, async (t) => {
  const result = await runReloads(t, {
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    reloads: Number(values.reloads),
    workers: Number(values.workers),
  });
  const { requests, reloads, failures, unavoidable } = result;
  t.diagnostic(
    `${requests} requests, ${reloads} reloads, ${failures.length} failed, ${unavoidable.length} of them unavoidable`,
  );
  const avoidable = failures.filter((failure) => !unavoidable.includes(failure));
  for (const failure of avoidable.slice(0, 20)) t.diagnostic(JSON.stringify(failure));
  t.assert.equal(avoidable.length, 0);
});

test('nothing is lost over HTTP/2', { timeout: 600_000, skip: missing('h2load') }, async (t) => {
  const result = await runHttp2Reloads(t, {
    connections: 100,
    streams: 100,
    requests: 100_000,
    changes: Number(values.reloads),
    workers: Number(values.workers),
  });
  t.diagnostic(`${result.requests} requests, ${result.changes} changes, ${result.requests - result.succeeded} failed`);
  if (result.succeeded < result.requests) for (const line of result.said) t.diagnostic(line);
  t.assert.equal(result.succeeded, result.requests);
});
