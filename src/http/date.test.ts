// The text of dates, and that one second's text is not given for another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { formatHttpDate } from './date.ts';

test('RFC 9110 5.6.7: a date is an IMF-fixdate in GMT with two digits a part', () => {
  assert.equal(formatHttpDate(Date.UTC(1994, 10, 6, 8, 49, 37)), 'Sun, 06 Nov 1994 08:49:37 GMT');
  assert.equal(formatHttpDate(0), 'Thu, 01 Jan 1970 00:00:00 GMT');
  assert.equal(formatHttpDate(Date.UTC(2028, 1, 29, 23, 59, 59)), 'Tue, 29 Feb 2028 23:59:59 GMT');
});

test('milliseconds are cut off, also at the end of a second', () => {
  const second = Date.UTC(2026, 0, 1);
  assert.equal(formatHttpDate(second + 999.9), formatHttpDate(second));
  assert.notEqual(formatHttpDate(second + 1000), formatHttpDate(second));
});

test('any sequence of times, also one that goes back, gives each its own text', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_102_444_800_000 }), { maxLength: 10 }), (times) => {
      for (const time of times) assert.equal(Date.parse(formatHttpDate(time)), Math.floor(time / 1000) * 1000);
    }),
  );
});
