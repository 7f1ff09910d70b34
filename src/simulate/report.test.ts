// The figures and charts of simulations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatChart } from './chart.ts';
import { formatMs } from './report.ts';
import { latenciesOf, meanInFlight, p99BySlice, Samples } from './samples.ts';

const row = (startMs: number, endMs: number) => ({ startMs, endMs, endpoint: 0, status: 200 });

test('percentiles are exact, by the nearest rank', () => {
  const durations = Array.from({ length: 200 }, (_, i) => 200 - i);
  assert.deepEqual(latenciesOf(durations), { mean: 100.5, p50: 100, p99: 198, max: 200 });
  assert.deepEqual(latenciesOf([7]), { mean: 7, p50: 7, p99: 7, max: 7 });
  assert.deepEqual(latenciesOf([]), { mean: null, p50: null, p99: null, max: null });
});

test('samples keep what was added, however much it is', () => {
  const samples = new Samples();
  for (let i = 0; i < 5000; i++) samples.add({ startMs: i, endMs: i + 0.5, endpoint: i % 3, status: i % 600 });
  assert.equal(samples.size, 5000);
  assert.deepEqual([...samples.rows()].at(-1), { startMs: 4999, endMs: 4999.5, endpoint: 1, status: 199 });
});

test('what is in flight over several slices counts in each for the part it is in', () => {
  const slices = { count: 4, widthMs: 10 };
  assert.deepEqual(meanInFlight([row(5, 25), row(0, 10)], slices), [1.5, 1, 0.5, 0]);
  assert.deepEqual(meanInFlight([row(30, 40)], slices), [0, 0, 0, 1]);
});

test('the percentile of a slice is that of what began in it', () => {
  assert.deepEqual(p99BySlice([row(0, 30), row(25, 26), row(29, 30)], { count: 3, widthMs: 10 }), [30, null, 1]);
});

test('a chart has one scale for all lines, blanks for nothing, and a bar for the least there is', () => {
  const lines = [
    { label: 'a', values: [8, 4, 1, 0.001, 0, null, 8] },
    { label: 'long', values: [16, null] },
  ];
  assert.equal(formatChart('full is {full}', lines, String), 'full is 16\n  a     ▄▂▁▁  ▄\n  long  █');
});

test('a chart of nothing is blank', () => {
  assert.equal(formatChart('{full}', [{ label: 'a', values: [0, null] }], String), '0\n  a');
});

test('times have three figures or a place behind the point', () => {
  assert.deepEqual([null, 0.04, 12.34, 450.4, 1250].map(formatMs), ['-', '0.0ms', '12.3ms', '450ms', '1.25s']);
});
