// Statuses of gRPC as they stand in fields.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { encodeGrpcMessage, GRPC_STATUS, GRPC_STATUS_NAMES, grpcStatusOfHttp, parseGrpcStatus } from './status.ts';

test('a status is one of seventeen numbers, and everything else is UNKNOWN', () => {
  for (let status = 0; status <= 16; status++) assert.equal(parseGrpcStatus(String(status)), status);
  for (const value of ['17', '99', '-1', '', '1.5', '0x1', '014', ' 1', 'OK', '1, 2'])
    assert.equal(parseGrpcStatus(value), 2, value);
});

test('the numbers that a gateway uses have the names they should', () => {
  const names = Object.entries(GRPC_STATUS).map(([name, status]) => [name, GRPC_STATUS_NAMES[status]]);
  for (const [name, known] of names) assert.equal(name?.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase(), known);
});

test('http-grpc-status-mapping: a response without a status has one by its HTTP status', () => {
  const expected = [
    [200, 'UNKNOWN'],
    [302, 'UNKNOWN'],
    [400, 'INTERNAL'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'UNIMPLEMENTED'],
    [418, 'UNKNOWN'],
    [429, 'UNAVAILABLE'],
    [431, 'INTERNAL'],
    [500, 'UNKNOWN'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'UNAVAILABLE'],
  ] as const;
  for (const [status, name] of expected) assert.equal(GRPC_STATUS_NAMES[grpcStatusOfHttp(status)], name, `${status}`);
});

test('a message is percent-encoded UTF-8: spaces and visible ASCII stay, but for the percent sign', () => {
  assert.equal(encodeGrpcMessage('all fine, (really) ~!'), 'all fine, (really) ~!');
  assert.equal(encodeGrpcMessage('100 % of\r\n'), '100 %25 of%0D%0A');
  assert.equal(encodeGrpcMessage('à ☃'), '%C3%A0 %E2%98%83');
});

test('any message is visible ASCII when encoded, and itself again when decoded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (message) => {
      const encoded = encodeGrpcMessage(message);
      assert.match(encoded, /^[\x20-\x7e]*$/);
      assert.equal(decodeURIComponent(encoded), message);
    }),
  );
});
