// What each outcome of an attempt counts for: the figures of the endpoint, and the row of failures that ejects it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { CELLS_PER_SERIES } from '#memory/series-table.ts';
import type { StreamBody } from '#model/body.ts';
import type { FailureKind } from '#model/failure-kind.ts';
import { ERROR_KINDS, type ErrorCode, ProxyError } from '#model/proxy-error.ts';
import { createTestResponse } from '#model/testing.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { CELL } from '#telemetry/series.ts';
import { noteFailure, noteResponse } from './outcome.ts';

const STREAM: StreamBody = { type: 'stream', started: false, pipe() {}, resume() {}, cancel() {} };

/** An endpoint of an upstream that ejects after two failures of the kinds `on`. */
function observed(on: readonly FailureKind[], after = 2) {
  const reports: FailureKind[] = [];
  const series = new Float64Array(CELLS_PER_SERIES);
  const cells = new EndpointCells(new Int32Array(16), new Int32Array(1), 0);
  const endpoint = { series, cells } as unknown as Endpoint;
  const upstream = { eject: { after, on: new Set(on) } } as unknown as Upstream;
  const surroundings = {
    upstream,
    report: (_upstream: Upstream, _endpoint: Endpoint, last: FailureKind) => void reports.push(last),
  };
  return {
    reports,
    cells,
    figures: () => [CELL.attemptSuccesses, CELL.attemptFailures, CELL.attemptSeconds].map((cell) => series[cell]),
    respond: (status: number, latencyMs = 1) =>
      noteResponse(surroundings, endpoint, createTestResponse(status), latencyMs),
    beginStream: (status: number) =>
      noteResponse(surroundings, endpoint, { ...createTestResponse(status), body: STREAM }, 1),
    fail: (code: ErrorCode) => noteFailure(surroundings, endpoint, new ProxyError(code)),
  };
}

const DEFAULT: readonly FailureKind[] = ['connect', 'timeout', 'reset', 'invalid-response', 'gateway-error'];

const KIND_OF: Partial<Record<ErrorCode, FailureKind>> = {
  connection_refused: 'connect',
  connection_timeout: 'connect',
  destination_ip_unroutable: 'connect',
  dns_error: 'connect',
  tls_protocol_error: 'connect',
  tls_certificate_error: 'connect',
  tls_alert_received: 'connect',
  connection_read_timeout: 'timeout',
  connection_write_timeout: 'timeout',
  http_response_timeout: 'timeout',
  connection_terminated: 'reset',
  http_response_incomplete: 'reset',
  http_protocol_error: 'invalid-response',
  http_upgrade_failed: 'invalid-response',
  'websocket-endpoint-failed': 'invalid-response',
  http_response_header_section_size: 'invalid-response',
};

for (const [code, { side }] of Object.entries(ERROR_KINDS) as [ErrorCode, { side: string }][]) {
  if (side !== 'origin') continue;
  test(`${code} counts as ${KIND_OF[code]}, and by no other kind`, () => {
    const kind = KIND_OF[code] as FailureKind;
    const counted = observed([kind]);
    counted.fail(code);
    counted.fail(code);
    assert.deepEqual(counted.reports, [kind]);
    const other = observed(DEFAULT.filter((one) => one !== kind));
    other.fail(code);
    other.fail(code);
    assert.deepEqual([other.reports, other.cells.failures], [[], 0]);
  });
}

test('502, 503 and 504 are gateway errors; they and all others from 500 are server errors', () => {
  const gateway = observed(['gateway-error']);
  for (const status of [500, 501, 505]) gateway.respond(status);
  assert.equal(gateway.cells.failures, 0);
  for (const status of [502, 503, 504, 502]) gateway.respond(status);
  assert.deepEqual(gateway.reports, ['gateway-error', 'gateway-error']);
  const server = observed(['server-error']);
  for (const status of [500, 503, 599, 501]) server.respond(status);
  assert.deepEqual(server.reports, ['server-error', 'server-error']);
});

test('a response that does not count ends the row; a failure that does not count leaves it as it is', () => {
  const { respond, fail, cells, reports } = observed(['connect']);
  fail('connection_refused');
  fail('connection_read_timeout');
  assert.equal(cells.failures, 1);
  respond(503);
  assert.equal(cells.failures, 0);
  fail('connection_refused');
  assert.deepEqual(reports, []);
  fail('connection_refused');
  assert.deepEqual(reports, ['connect']);
});

test('content that is still to come ends no row yet', () => {
  const { beginStream, fail, cells, reports } = observed(['reset']);
  assert.ok(beginStream(200));
  fail('http_response_incomplete');
  assert.equal(cells.failures, 1);
  assert.ok(beginStream(200));
  fail('http_response_incomplete');
  assert.deepEqual(reports, ['reset']);
  assert.ok(!observed(['gateway-error']).beginStream(503));
});

test('with 0 failures nothing is reported, however many there are', () => {
  const { fail, reports } = observed(DEFAULT, 0);
  for (let turn = 0; turn < 10; turn++) fail('connection_refused');
  assert.deepEqual(reports, []);
});

test('the figures have all attempts, whatever ejects: server errors among the failures, latency of successes only', () => {
  const { respond, fail, figures } = observed([]);
  respond(200, 500);
  respond(404, 250);
  respond(500, 9000);
  fail('connection_terminated');
  assert.deepEqual(figures(), [2, 2, 0.75]);
});
