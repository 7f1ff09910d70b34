// Times of renewals and of attempts after failures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryDelay, timeByShare, timeInWindow, windowLife } from './renewal.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LIFE = { notBefore: 0, notAfter: 90 * DAY };

test('a time within a window is any of it by chance', () => {
  const window = { start: 50 * DAY, end: 52 * DAY, explanation: '' };
  assert.deepEqual(
    [0, 0.5, 1].map((chance) => timeInWindow(LIFE, window, () => chance)),
    [50 * DAY, 51 * DAY, 52 * DAY],
  );
});

test('without a window the time is at the share of the lifetime or a little later, never after its end', () => {
  assert.equal(
    timeByShare(LIFE, 2 / 3, () => 0),
    60 * DAY,
  );
  const late = timeByShare(LIFE, 2 / 3, () => 0.999);
  assert.ok(late > 60 * DAY && late < 61 * DAY);
  assert.ok(timeByShare(LIFE, 1, () => 0.999) <= LIFE.notAfter);
});

test('delays after failures grow from a minute to four hours, a fifth more or less by chance', () => {
  const middle = () => 0.5;
  const minutes = [1, 2, 3, 4, 5, 6].map((failures) => retryDelay(failures, 0, middle) / MINUTE);
  assert.deepEqual(minutes, [1, 4, 16, 64, 240, 240]);
  assert.equal(
    retryDelay(1, 0, () => 0),
    0.8 * MINUTE,
  );
});

test('within an hour there are fewer attempts than the five failures that are allowed', () => {
  let time = 0;
  let attempts = 1;
  for (;;) {
    time += retryDelay(attempts, 0, () => 0);
    if (time > HOUR) break;
    attempts++;
  }
  assert.ok(attempts < 5, `${attempts}`);
});

test('what the server wants is waited for, up to a week', () => {
  const middle = () => 0.5;
  assert.equal(retryDelay(1, 2 * HOUR, middle), 2 * HOUR);
  assert.equal(retryDelay(5, HOUR, middle), 4 * HOUR);
  assert.equal(retryDelay(1, 365 * DAY, middle), 7 * DAY);
});

test('RFC 9773 4.3.2: a window is believed between a minute and a day, and for six hours where nothing is said', () => {
  assert.deepEqual([0, 1, HOUR, 365 * DAY].map(windowLife), [6 * HOUR, MINUTE, HOUR, DAY]);
});
