// How many endpoints a load asks for: up soon, down late, within bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { desiredCount, LoadHistory } from './load-history.ts';

function historyOf(seconds: number, ...runs: readonly (readonly [load: number, times: number])[]): LoadHistory {
  const history = new LoadHistory(seconds);
  for (const [load, times] of runs) for (let i = 0; i < times; i++) history.add(load);
  return history;
}

const TARGET = { each: 10, min: 1, max: 100 };

test('a steady load asks for as many as carry it', () => {
  assert.equal(desiredCount(historyOf(60, [100, 60]), TARGET), 10);
  assert.equal(desiredCount(historyOf(60, [101, 60]), TARGET), 11);
});

test('it stays within its bounds', () => {
  assert.equal(desiredCount(historyOf(60, [0, 60]), TARGET), 1);
  assert.equal(desiredCount(historyOf(60, [5000, 60]), TARGET), 100);
  assert.equal(desiredCount(historyOf(60), { ...TARGET, min: 0 }), 0);
});

test('a load that grows is followed within a tenth of the window', () => {
  assert.equal(desiredCount(historyOf(60, [100, 60], [400, 6]), TARGET), 40);
});

test('a peak of a second is smoothed', () => {
  assert.equal(desiredCount(historyOf(60, [60, 60], [600, 1]), TARGET), 15);
});

test('a load that falls is believed when it has been low for the window', () => {
  const falling = (seconds: number) => desiredCount(historyOf(60, [100, 60], [0, seconds]), { ...TARGET, min: 0 });
  assert.equal(falling(30), 5);
  assert.equal(falling(59), 1);
  assert.equal(falling(60), 0);
});

test('before the window is over, what there is counts', () => {
  const history = historyOf(60, [50, 3]);
  assert.equal(history.isFull, false);
  assert.equal(desiredCount(history, TARGET), 5);
});

test('averages are those of the last seconds, however long the history', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 20 }),
      (loads, last) => {
        const history = new LoadHistory(20);
        for (const load of loads) history.add(load);
        const wanted = loads.slice(-last);
        const expected = wanted.reduce((sum, load) => sum + load, 0) / wanted.length;
        assert.ok(Math.abs(history.average(last) - expected) < 1e-9);
      },
    ),
  );
});
