// How the status page writes numbers, which needs no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const file = new URL('./format.js', import.meta.url);
const { bytesPerSecond } = (await import(file.href)) as { bytesPerSecond: (value: number) => string };

test('bytes a second are written in the unit that keeps them short', () => {
  assert.deepEqual([0, 0.4, 512, 2048, 15 * 1024 ** 2, 2.5 * 1024 ** 3, 5000 * 1024 ** 3].map(bytesPerSecond), [
    '0 B/s',
    '0.4 B/s',
    '512 B/s',
    '2.0 KiB/s',
    '15 MiB/s',
    '2.5 GiB/s',
    '5000 GiB/s',
  ]);
});
