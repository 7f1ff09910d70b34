// Which outcomes are followed by another attempt, for which requests, and after how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestResponse } from '#model/testing.ts';
import type { RetrySettings } from '#model/upstream.ts';
import { backoffMs, isRepeatable, repeatsAfterError, repeatsAfterResponse } from './retry-policy.ts';

const SETTINGS: RetrySettings = {
  attempts: 3,
  kinds: new Set(['connect', 'reset', 'timeout']),
  statuses: new Set([503]),
  grpcStatuses: new Set(),
  methods: new Set(['GET', 'PUT']),
  attemptTimeoutMs: Number.POSITIVE_INFINITY,
  backoffMs: 100,
  maxBackoffMs: 300,
  maxBodyBytes: 65536,
  triesAgain: false,
};

const repeats = (code: ErrorCode, method: string, settings: Partial<RetrySettings> = {}) =>
  repeatsAfterError(new ProxyError(code), createTestExchange({ method }), { ...SETTINGS, ...settings });

const get = createTestExchange();
const post = createTestExchange({ method: 'POST' });
const call = createTestExchange({ method: 'POST', fields: [['content-type', 'application/grpc']] });
const UNAVAILABLE: RetrySettings = { ...SETTINGS, grpcStatuses: new Set([14]) };

/** A response that is only a head with a status of gRPC, and perhaps more fields. */
function headOnly(status: number, fields: readonly (readonly [string, string])[] = []) {
  const response = createTestResponse(200, '');
  for (const [name, value] of [['grpc-status', String(status)] as const, ...fields]) response.fields.set(name, value);
  return response;
}

test('what was never sent is repeated with any method', () => {
  for (const code of ['connection_refused', 'connection_timeout', 'destination_ip_unroutable'] as const) {
    assert.ok(repeats(code, 'POST'), code);
    assert.ok(!repeats(code, 'POST', { kinds: new Set(['reset', 'timeout']) }), code);
  }
});

test('RFC 9110 9.2.2: what may have been sent is repeated with the methods that may be, and no others', () => {
  for (const code of ['connection_terminated', 'connection_read_timeout', 'connection_write_timeout'] as const) {
    assert.ok(repeats(code, 'GET'), code);
    assert.ok(!repeats(code, 'POST'), code);
    assert.ok(repeats(code, 'POST', { methods: new Set(['POST']) }), code);
    assert.ok(!repeats(code, 'GET', { kinds: new Set(['connect']) }), code);
  }
});

test('a kept-alive connection that was dead says nothing of the endpoint and is always replaced', () => {
  const error = new ProxyError('connection_terminated', undefined, { stale: true });
  assert.ok(repeatsAfterError(error, get, { ...SETTINGS, kinds: new Set() }));
  assert.ok(!repeatsAfterError(error, post, SETTINGS));
});

test('a fault of the client or of the gateway is never repeated', () => {
  for (const code of [
    'client-closed',
    'request-body-too-large',
    'connection_limit_reached',
    'http_protocol_error',
  ] as const)
    assert.ok(!repeats(code, 'GET'), code);
});

test('statuses are repeated as configured, with methods that may be', () => {
  assert.ok(repeatsAfterResponse(createTestResponse(503), get, SETTINGS));
  assert.ok(!repeatsAfterResponse(createTestResponse(502), get, SETTINGS));
  assert.ok(!repeatsAfterResponse(createTestResponse(503), post, SETTINGS));
});

test('a call of gRPC is repeated after the statuses that are named, which is what says that it may be', () => {
  assert.ok(repeatsAfterResponse(headOnly(14), call, UNAVAILABLE));
  assert.ok(!repeatsAfterResponse(headOnly(13), call, UNAVAILABLE));
  assert.ok(!repeatsAfterResponse(headOnly(14), call, SETTINGS));
  assert.ok(!repeatsAfterResponse(headOnly(14), post, UNAVAILABLE));
  assert.ok(isRepeatable(call, UNAVAILABLE));
  assert.ok(!isRepeatable(call, SETTINGS));
  assert.ok(!isRepeatable(post, UNAVAILABLE));
});

test('a response that is not of gRPC counts as what a client would take it for', () => {
  assert.ok(repeatsAfterResponse(createTestResponse(502), call, UNAVAILABLE));
  assert.ok(!repeatsAfterResponse(createTestResponse(404), call, UNAVAILABLE));
  assert.ok(!repeatsAfterResponse(createTestResponse(200), call, UNAVAILABLE));
});

test('a server that says when to come again says it to the client', () => {
  assert.ok(!repeatsAfterResponse(headOnly(14, [['grpc-retry-pushback-ms', '100']]), call, UNAVAILABLE));
});

test('a call is repeated after an error that its client would take for a status that is named', () => {
  assert.ok(repeatsAfterError(new ProxyError('connection_terminated'), call, UNAVAILABLE));
  assert.ok(!repeatsAfterError(new ProxyError('connection_terminated'), call, SETTINGS));
  assert.ok(!repeatsAfterError(new ProxyError('connection_terminated'), post, UNAVAILABLE));
  assert.ok(!repeatsAfterError(new ProxyError('connection_limit_reached'), call, UNAVAILABLE));
});

test('the wait doubles up to its limit, and is drawn from nothing to all of it', () => {
  assert.deepEqual(
    [2, 3, 4, 5].map((attempt) => backoffMs(attempt, SETTINGS, () => 1)),
    [100, 200, 300, 300],
  );
  assert.equal(
    backoffMs(3, SETTINGS, () => 0.25),
    50,
  );
  assert.equal(
    backoffMs(3, { ...SETTINGS, backoffMs: 0 }, () => 1),
    0,
  );
});
