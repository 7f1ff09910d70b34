// Warnings of certificates that are about to expire.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { Certificate } from '#model/certificate.ts';
import { ExpiryWatch } from './expiry-watch.ts';

const DAY = 24 * 3_600_000;

/** Looks every day at a certificate of so many days; returns the days left at which something was said. */
function warnings(
  days: number,
  look = (watch: ExpiryWatch, certificate: Certificate) => watch.look([{ listener: 'secure', certificate }]),
) {
  const clock = new ManualClock();
  const said: string[] = [];
  const watch = new ExpiryWatch(clock, {
    ...silentLog,
    warn: (_message, fields) => void said.push(String(fields?.daysLeft)),
    error: (message) => void said.push(message),
  });
  const certificate = {
    fingerprint: 'a',
    names: ['a.example'],
    notBefore: clock.wall(),
    notAfter: clock.wall() + days * DAY,
  } as unknown as Certificate;
  for (let day = 0; day <= days + 2; day++) {
    look(watch, certificate);
    clock.advance(DAY);
  }
  return said;
}

test('a certificate is warned of with 14, 7 and 1 days left, and at its end, once each', () => {
  assert.deepEqual(warnings(90), ['14', '7', '1', 'a certificate has expired']);
});

test('one that is issued for a few days is warned of in the last third of its life only', () => {
  assert.deepEqual(warnings(6), ['1', 'a certificate has expired']);
  assert.deepEqual(warnings(30), ['7', '1', 'a certificate has expired']);
});

test('one that is looked at late gets one warning, not all that were due', () => {
  let looks = 0;
  const late = (watch: ExpiryWatch, certificate: Certificate) => {
    if (++looks > 88) watch.look([{ listener: 'secure', certificate }]);
  };
  assert.deepEqual(warnings(90, late), ['2', '1', 'a certificate has expired']);
});
