// Which requests are calls of gRPC, and which status each error of the gateway is to their clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRPC_STATUS_NAMES } from '#wire/grpc/status.ts';
import { grpcStatusOf, grpcStatusOfError } from './grpc-call.ts';
import { ERROR_CODES, type ErrorCode, ProxyError } from './proxy-error.ts';
import { createTestExchange } from './testing.ts';

const callOf = (method: string, type: string) => createTestExchange({ method, fields: [['content-type', type]] }).grpc;
const nameOf = (code: ErrorCode) => GRPC_STATUS_NAMES[grpcStatusOfError(new ProxyError(code))];

test('a POST with a type of gRPC or gRPC-Web is a call, and nothing else is', () => {
  assert.deepEqual(callOf('POST', 'application/grpc+proto')?.mediaType, { format: 'grpc', encoding: '+proto' });
  assert.equal(callOf('POST', 'application/grpc-web-text')?.mediaType.format, 'web-text');
  assert.equal(callOf('GET', 'application/grpc'), undefined);
  assert.equal(callOf('POST', 'application/json'), undefined);
  assert.equal(createTestExchange({ method: 'POST' }).grpc, undefined);
});

const EXPECTED: Readonly<Record<string, readonly ErrorCode[]>> = {
  CANCELLED: ['client-closed', 'client-stalled'],
  DEADLINE_EXCEEDED: ['deadline-exceeded', 'call-too-long'],
  PERMISSION_DENIED: ['http_request_denied', 'proxy-header-untrusted'],
  RESOURCE_EXHAUSTED: ['rate-limited', 'request-body-too-large', 'request-head-too-large', 'too-many-connections'],
  UNIMPLEMENTED: ['no-route', 'method-not-allowed', 'method-not-implemented', 'version-not-supported'],
  INTERNAL: [
    'proxy_internal_error',
    'proxy_loop_detected',
    'http_request_error',
    'http_protocol_error',
    'http_response_header_section_size',
    'http_upgrade_failed',
  ],
  UNAVAILABLE: [
    'connection_refused',
    'connection_timeout',
    'connection_terminated',
    'connection_read_timeout',
    'connection_write_timeout',
    'connection_limit_reached',
    'destination_ip_unroutable',
    'destination_unavailable',
    'dns_error',
    'http_response_incomplete',
    'http_response_timeout',
    'circuit-open',
    'upstream-full',
    'upstream-waking',
    'session-unavailable',
    'overloaded',
    'draining',
    'request-body-timeout',
  ],
  UNAUTHENTICATED: ['unauthorized'],
};

for (const [name, codes] of Object.entries(EXPECTED)) {
  test(`to a client of gRPC these are ${name}: ${codes.join(', ')}`, () => {
    for (const code of codes) assert.equal(nameOf(code), name, code);
  });
}

test('no error is OK or UNKNOWN', () => {
  for (const code of ERROR_CODES) assert.ok(!['OK', 'UNKNOWN'].includes(String(nameOf(code))), code);
});

test('a call that is over has the status it was told, else that of its error, else what its client takes the HTTP status for', () => {
  const call = callOf('POST', 'application/grpc');
  assert.ok(call);
  const error = new ProxyError('client-closed');
  assert.equal(grpcStatusOf(call, { error: undefined, status: 502 }), 14);
  assert.equal(grpcStatusOf(call, { error, status: 200 }), 1);
  call.status = 0;
  assert.equal(grpcStatusOf(call, { error, status: 200 }), 0);
});
