// Which outcomes are followed by another attempt, for which requests, and after how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, ProxyError } from '#model/proxy-error.ts';
import type { RetrySettings } from '#model/upstream.ts';
import { backoffMs, repeatsAfterError, repeatsAfterStatus } from './retry-policy.ts';

const SETTINGS: RetrySettings = {
  attempts: 3,
  kinds: new Set(['connect', 'reset', 'timeout']),
  statuses: new Set([503]),
  methods: new Set(['GET', 'PUT']),
  attemptTimeoutMs: Number.POSITIVE_INFINITY,
  backoffMs: 100,
  maxBackoffMs: 300,
  maxBodyBytes: 65536,
  triesAgain: false,
};

const repeats = (code: ErrorCode, method: string, settings: Partial<RetrySettings> = {}) =>
  repeatsAfterError(new ProxyError(code), method, { ...SETTINGS, ...settings });

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
  assert.ok(repeatsAfterError(error, 'GET', { ...SETTINGS, kinds: new Set() }));
  assert.ok(!repeatsAfterError(error, 'POST', SETTINGS));
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
  assert.ok(repeatsAfterStatus(503, 'GET', SETTINGS));
  assert.ok(!repeatsAfterStatus(502, 'GET', SETTINGS));
  assert.ok(!repeatsAfterStatus(503, 'POST', SETTINGS));
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
