// Which connections a listener takes, with a clock that stands still until told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import type { AdmissionLimits } from '#model/snapshot.ts';
import { Admission } from './admission.ts';

const NONE: AdmissionLimits = { rate: undefined, clientRate: undefined, clientConnections: 0 };

function createAdmission(name = 'front', table = KeyedTable.create(64, [1, 2]), clock = new ManualClock()) {
  return { admission: new Admission(name, { clock, buckets: () => table }), clock, table };
}

test('a client may have so many connections, IPv6 by /64, and another one when one is gone', () => {
  const { admission } = createAdmission();
  const limits = { ...NONE, clientConnections: 2 };
  const [first, second, third] = [{}, {}, {}];
  admission.keep(first, '2001:db8::1');
  admission.keep(second, '2001:db8::2');
  assert.equal(admission.refusal(limits, '2001:db8::3'), 'client-connections');
  assert.equal(admission.refusal(limits, '2001:db8:0:1::3'), undefined);
  admission.hand(second, third);
  admission.release(second);
  assert.equal(admission.refusal(limits, '2001:db8::3'), 'client-connections');
  admission.release(third);
  assert.equal(admission.refusal(limits, '2001:db8::3'), undefined);
});

test('a bucket holds the count of the rate, and fills at its pace', () => {
  const { admission, clock } = createAdmission();
  const limits = { ...NONE, clientRate: { perSecond: 2, burst: 2 } };
  const take = () => admission.refusal(limits, '192.0.2.1');
  assert.deepEqual([take(), take(), take()], [undefined, undefined, 'client-rate']);
  clock.advance(500);
  assert.deepEqual([take(), take()], [undefined, 'client-rate']);
  assert.equal(admission.refusal(limits, '192.0.2.2'), undefined);
});

test('who is above his own rate uses up nothing of the rate of all', () => {
  const { admission } = createAdmission();
  const limits = { ...NONE, rate: { perSecond: 1, burst: 2 }, clientRate: { perSecond: 1, burst: 1 } };
  assert.equal(admission.refusal(limits, '192.0.2.1'), undefined);
  for (let count = 0; count < 5; count++) assert.equal(admission.refusal(limits, '192.0.2.1'), 'client-rate');
  assert.equal(admission.refusal(limits, '192.0.2.2'), undefined);
  assert.equal(admission.refusal(limits, '192.0.2.3'), 'rate');
});

test('listeners of one process do not share their buckets', () => {
  const { table, clock, admission } = createAdmission('one');
  const other = createAdmission('two', table, clock).admission;
  const limits = { ...NONE, rate: { perSecond: 1, burst: 1 } };
  assert.equal(admission.refusal(limits, '192.0.2.1'), undefined);
  assert.equal(admission.refusal(limits, '192.0.2.1'), 'rate');
  assert.equal(other.refusal(limits, '192.0.2.1'), undefined);
});

test('clients without an address, on a Unix socket, are limited together only', () => {
  const { admission } = createAdmission();
  const limits = { ...NONE, clientRate: { perSecond: 1, burst: 1 }, rate: { perSecond: 1, burst: 2 } };
  assert.deepEqual(
    [1, 2, 3].map(() => admission.refusal(limits, '')),
    [undefined, undefined, 'rate'],
  );
});
