// Counts by error: each in a cell of its own that outlives a worker.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELLS_PER_SERIES } from '#memory/series-table.ts';
import { ERROR_CODES } from '#model/proxy-error.ts';
import { GAUGE_CELLS } from '#telemetry/series.ts';
import { countError, errorMetrics } from './error-counts.ts';

test('every error is counted by itself, also after a worker has died', () => {
  const series = new Float64Array(CELLS_PER_SERIES);
  for (const [i, code] of ERROR_CODES.entries()) for (let turn = 0; turn <= i; turn++) countError(series, code);
  // What becomes of the cells of a worker that dies.
  for (const cell of GAUGE_CELLS) series[cell] = 0;
  const metrics = errorMetrics({ read: (_key, cell) => series[cell] as number });
  assert.deepEqual(
    metrics.map(({ labels, value }) => [labels?.error, value]),
    ERROR_CODES.map((code, i) => [code, i + 1]),
  );
});
