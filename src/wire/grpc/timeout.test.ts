// Timeouts of gRPC as they stand in their field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts';

test('a timeout is up to eight digits and a unit', () => {
  assert.equal(parseGrpcTimeout('1H'), 3_600_000);
  assert.equal(parseGrpcTimeout('2M'), 120_000);
  assert.equal(parseGrpcTimeout('10S'), 10_000);
  assert.equal(parseGrpcTimeout('250m'), 250);
  assert.equal(parseGrpcTimeout('500u'), 0.5);
  assert.equal(parseGrpcTimeout('1000000n'), 1);
  assert.equal(parseGrpcTimeout('99999999H'), 99_999_999 * 3_600_000);
});

test('a timeout of 0 has passed already', () => {
  assert.equal(parseGrpcTimeout('0m'), 0);
});

test('everything else is no timeout', () => {
  for (const value of ['', 'S', '1', '1s', '1h', '-1S', '+1S', '1.5S', '123456789m', ' 1S', '1S ', '1 S', '1S, 2S'])
    assert.equal(parseGrpcTimeout(value), undefined, value);
});

test('a time is written in the finest unit that has room for it', () => {
  assert.equal(formatGrpcTimeout(0.25), '250000n');
  assert.equal(formatGrpcTimeout(99), '99000000n');
  assert.equal(formatGrpcTimeout(250.5), '250500u');
  assert.equal(formatGrpcTimeout(100_000), '100000m');
  assert.equal(formatGrpcTimeout(1e8), '100000S');
  assert.equal(formatGrpcTimeout(1e11), '1666666M');
  assert.equal(formatGrpcTimeout(1e300), '99999999H');
});

test('a time that has passed is written as the shortest there is', () => {
  assert.equal(formatGrpcTimeout(0), '1n');
  assert.equal(formatGrpcTimeout(-5), '1n');
});

test('what is written is read as no more than it was, and hardly less', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e14, noNaN: true }), (ms) => {
      const value = formatGrpcTimeout(ms);
      const read = parseGrpcTimeout(value) as number;
      assert.ok(read <= ms * (1 + 1e-12) && read >= ms * 0.99 - 1e-5, `${ms} as ${value}`);
    }),
  );
});
