// Quantiles of latencies: near the exact ones, and those of lately.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { LatencyHistogram } from './latency-histogram.ts';

test('a quantile is no less than the exact one and at most 9.1 % more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (latencies, quantile) => {
        const histogram = new LatencyHistogram();
        for (const latency of latencies) histogram.record(latency);
        const exact = latencies.toSorted((a, b) => a - b)[Math.ceil(quantile * latencies.length) - 1] as number;
        const estimate = histogram.quantile(quantile);
        // A latency on a bound itself may count to either side of it by rounding.
        assert.ok(estimate >= exact * 0.999999 && estimate <= exact * 1.0906, `${estimate} for ${exact}`);
      },
    ),
  );
});

test('what was long ago fades', () => {
  const histogram = new LatencyHistogram();
  for (let i = 0; i < 2000; i++) histogram.record(500);
  for (let i = 0; i < 8000; i++) histogram.record(5);
  assert.ok(histogram.quantile(0.99) < 6);
});

test('nothing recorded is 0, and what is out of range counts at its end', () => {
  const histogram = new LatencyHistogram();
  assert.equal(histogram.quantile(0.5), 0);
  histogram.record(0);
  assert.ok(histogram.quantile(0.5) > 0);
  histogram.record(1e9);
  assert.ok(Number.isFinite(histogram.quantile(1)));
  histogram.clear();
  assert.equal(histogram.total, 0);
});
