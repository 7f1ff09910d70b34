// Messages of gRPC's health protocol: by vectors, and that no bytes whatever do harm.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { decodeHealthCheckResponse, encodeHealthCheckRequest } from './health-check.ts';

/** A message behind its prefix. */
const framed = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);

test('a request names the service; the whole server is asked for by nothing', () => {
  assert.deepEqual(encodeHealthCheckRequest(''), framed());
  assert.deepEqual(encodeHealthCheckRequest('a.B'), framed(0x0a, 3, 0x61, 0x2e, 0x42));
  const long = encodeHealthCheckRequest('x'.repeat(300));
  assert.deepEqual(long.subarray(0, 8), Buffer.from([0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]));
  assert.equal(long.length, 308);
});

test('a response has one of four statuses; protobuf leaves a 0 out', () => {
  assert.equal(decodeHealthCheckResponse(framed()), 'UNKNOWN');
  assert.equal(decodeHealthCheckResponse(framed(0x08, 0)), 'UNKNOWN');
  assert.equal(decodeHealthCheckResponse(framed(0x08, 1)), 'SERVING');
  assert.equal(decodeHealthCheckResponse(framed(0x08, 2)), 'NOT_SERVING');
  assert.equal(decodeHealthCheckResponse(framed(0x08, 3)), 'SERVICE_UNKNOWN');
  assert.equal(decodeHealthCheckResponse(framed(0x08, 4)), undefined);
});

test('fields that are not known are passed over, and the last status counts', () => {
  const others = [0x12, 2, 0x41, 0x42, 0x18, 0x80, 0x01, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2d, 1, 2, 3, 4];
  assert.equal(decodeHealthCheckResponse(framed(...others, 0x08, 2, ...others, 0x08, 1)), 'SERVING');
});

test('what is compressed, too short, too long or broken is no response', () => {
  assert.equal(decodeHealthCheckResponse(Buffer.from([1, 0, 0, 0, 2, 8, 1])), undefined);
  assert.equal(decodeHealthCheckResponse(Buffer.from([0, 0, 0, 0])), undefined);
  assert.equal(decodeHealthCheckResponse(Buffer.from([0, 0, 0, 0, 3, 8, 1])), undefined);
  assert.equal(decodeHealthCheckResponse(Buffer.concat([framed(8, 1), framed(8, 1)])), undefined);
  assert.equal(decodeHealthCheckResponse(framed(0x08)), undefined);
  assert.equal(decodeHealthCheckResponse(framed(0x08, 0x80)), undefined);
  assert.equal(decodeHealthCheckResponse(framed(0x12, 9, 1)), undefined);
  assert.equal(decodeHealthCheckResponse(framed(0x0b)), undefined);
  assert.equal(decodeHealthCheckResponse(framed(0x08, ...Array(11).fill(0x81))), undefined);
});

test('any bytes give a status or none, and no error', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255), { maxLength: 100 }), (bytes) => {
      const status = decodeHealthCheckResponse(framed(...bytes));
      assert.ok(status === undefined || ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'].includes(status));
    }),
  );
});
