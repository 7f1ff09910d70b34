// Access logs as recorded traffic.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compileAccessFormat } from '#telemetry/access-format.ts';
import type { AccessRecord } from '#telemetry/access-record.ts';
import { readRecording } from './recorded-traffic.ts';
import { SimulationError } from './simulation-error.ts';

const START = Date.UTC(2026, 10, 25, 1, 0, 0);

const RECORD: AccessRecord = {
  time: START,
  id: '',
  client: '192.0.2.1',
  listener: 'web',
  method: 'GET',
  scheme: 'http',
  authority: 'example.com:8080',
  path: '/a',
  query: '',
  version: '1.1',
  status: 200,
  bytesReceived: 0,
  bytesSent: 0,
  durationMs: 0,
  firstByteMs: -1,
  route: '',
  upstream: '',
  endpoint: '',
  attempts: 0,
  grpcStatus: '',
  phase: 'done',
  endedBy: '',
  error: '',
  reason: '',
  policy: '',
  consumer: '',
  referer: '',
  userAgent: '',
  tls: undefined,
  passage: undefined,
  tunnel: undefined,
};

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-recording-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'access.log'), text);
  return join(folder, 'access.log');
}

/** A log as the gateway writes it. */
function log(...changes: readonly Partial<AccessRecord>[]): string {
  return changes.map((change) => compileAccessFormat('json')({ ...RECORD, ...change })).join('');
}

test('a log as the gateway writes it gives its requests in the order they came, from 0 on', async (t) => {
  const text = log(
    { time: START + 1500, durationMs: 500, path: '/second', query: '?q=1', method: 'POST', client: '2001:db8::1' },
    { time: START + 1600, durationMs: 1600, path: '/first' },
  );
  const { startsAt, requests, skipped } = await readRecording(fileWith(t, text));
  assert.deepEqual([startsAt, skipped], [START, 0]);
  assert.deepEqual(
    requests.map(({ atMs, method, authority, path, query, client }) => [atMs, method, authority, path, query, client]),
    [
      [0, 'GET', 'example.com:8080', '/first', '', '192.0.2.1'],
      [1000, 'POST', 'example.com:8080', '/second', '?q=1', '2001:db8::1'],
    ],
  );
});

test('connections of TCP listeners and requests that were never understood are left out', async (t) => {
  const { requests, skipped } = await readRecording(fileWith(t, log({ version: 'tcp' }, { method: '' }, {})));
  assert.deepEqual([requests.length, skipped], [1, 2]);
});

for (const [what, text, problem] of [
  ['a log of another format', '192.0.2.1 - - [25/Nov/2026] "GET /"\n', /access\.log:1: not JSON: .*format json/],
  ['another program’s JSON', `${log({})}{"msg":"hello"}\n`, /access\.log:2: .*it has no time/],
  ['JSON that is no object', 'null\n', /access\.log:1: .*it has no time/],
  ['a record without a duration', log({}).replace('duration_ms', 'duration'), /access\.log:1: .*duration_ms/],
  ['a log without requests', '\n', /has no request to replay/],
] as const) {
  test(`${what} is refused with its place`, async (t) => {
    await assert.rejects(readRecording(fileWith(t, text)), (error) => {
      assert.ok(error instanceof SimulationError);
      assert.match(error.message, problem);
      return true;
    });
  });
}

test('a file that is not there is refused', async () => {
  await assert.rejects(readRecording('/nowhere/access.log'), SimulationError);
});
