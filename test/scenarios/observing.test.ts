// Keeps docs/guides/observing.md whole and true: it names every metric and every member of an access record, and no others.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compileAccessFormat } from '#telemetry/access-format.ts';
import type { AccessRecord } from '#telemetry/access-record.ts';
import { startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';

const GUIDE = readFileSync(new URL('../../docs/guides/observing.md', import.meta.url), 'utf8');

/** The text below a heading, up to the next one. */
function section(heading: string): string {
  return GUIDE.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
}

/** Names in the first column of the tables of a text. */
function firstColumn(text: string): string[] {
  return [...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
}

/** Metrics that the guide has, whole. */
function metricsOfGuide(): string[] {
  return section('Metrics')
    .split(/^(?=\| of )/m)
    .flatMap((table) => {
      const prefix = /^\| of each \w+: `(\w+)…`/.exec(table)?.[1] ?? '';
      return firstColumn(table).map((name) => prefix + name);
    })
    .sort();
}

test('the guide has all metrics, and no others', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    circuit-breaker: {}
    concurrency: { limit: 10 }
    scaling: { target-in-flight: 10 }
    persistence: { type: source-address }
`,
  );
  // Latencies are told from the first request on.
  assert.equal((await fetch(`http://127.0.0.1:${gateway.port()}/`)).status, 200);
  await gateway.untilRecords(1);
  const text = await (await gateway.adminFetch('/metrics')).text();
  const told = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name).sort();
  assert.deepEqual(metricsOfGuide(), told);
});

test('the guide has all members of access records, and no others', () => {
  const text = {
    id: 'i',
    client: 'c',
    listener: 'l',
    method: 'm',
    scheme: 's',
    authority: 'a',
    path: 'p',
    query: 'q',
    version: 'v',
    route: 'r',
    upstream: 'u',
    endpoint: 'e',
    phase: 'p',
    endedBy: 'e',
    error: 'e',
    reason: 'r',
    policy: 'p',
    consumer: 'c',
    referer: 'r',
    userAgent: 'u',
    grpcStatus: 'OK',
  };
  const numbers = { time: 0, status: 200, bytesReceived: 1, bytesSent: 1, durationMs: 1, firstByteMs: 1, attempts: 1 };
  const first = { protocol: 'tls', sni: 's', alpn: ['h2'] };
  const passage = { first, closedBy: 'client', datagramsReceived: 1, datagramsSent: 1 };
  const tunnel = { closedBy: 'client', messages: { messagesReceived: 1, messagesSent: 1, closeCode: 1000 } };
  const tls = {
    version: 'v',
    cipher: 'c',
    serverName: 's',
    alpn: 'h2',
    resumed: true,
    client: { subject: 'c', fingerprint: 'f' },
  };
  const record: AccessRecord = { ...text, ...numbers, tls, passage, tunnel };
  const members = Object.keys(JSON.parse(compileAccessFormat('json')(record)) as object);
  assert.deepEqual(firstColumn(section('Access records')).sort(), members.sort());
});
