// What the tables of src/memory promise over real threads: exact sums, exact grants, and nobody who waits for the dead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '#lib/clock.ts';
import { EndpointTable } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { SeriesTable } from '#memory/series-table.ts';
import { UpstreamTable } from '#memory/upstream-table.ts';
import type { MemoryJob } from '../support/memory-thread.ts';
import { startMemoryThreads, sumOfAnswers } from '../support/memory-threads.ts';

const THREADS = 4;
const ROUNDS = 100_000;
const NOW = 1_800_000_000_000;

async function hammer(job: MemoryJob, rounds = ROUNDS): Promise<number> {
  return sumOfAnswers(await startMemoryThreads(job, rounds, THREADS));
}

test('a bucket grants over all threads exactly what it holds', async () => {
  const table = KeyedTable.create(64, [1, 2]);
  const burst = 200_000;
  assert.equal(await hammer({ type: 'buckets', buffer: table.buffer, keys: ['a'], burst, nowMs: NOW }), burst);
  assert.equal(table.take('a', 1, burst, NOW).allowed, false);
});

test('buckets that share a set grant exactly what each holds', async () => {
  const table = KeyedTable.create(8, [1, 2]);
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const burst = 1000;
  assert.equal(await hammer({ type: 'buckets', buffer: table.buffer, keys, burst, nowMs: NOW }), keys.length * burst);
  assert.equal(table.evictions, 0);
});

test('threads that find the lock of a dead one take it over one by one and stay exact', async () => {
  const table = KeyedTable.create(8, [1, 2]);
  // The one set's lock stands behind the head, held by a ticket that no instance has.
  new Int32Array(table.buffer)[4] = 0x7fff_ffff;
  const burst = 2000;
  assert.equal(await hammer({ type: 'buckets', buffer: table.buffer, keys: ['a'], burst, nowMs: NOW }, 1000), burst);
});

test('a thread that is terminated while it takes tokens does not stop the others', async () => {
  const table = KeyedTable.create(8, [1, 2]);
  const job: MemoryJob = { type: 'buckets', buffer: table.buffer, keys: ['a'], burst: 1e9, nowMs: NOW };
  for (let i = 0; i < 5; i++) {
    const [thread] = await startMemoryThreads(job, Number.MAX_SAFE_INTEGER, 1);
    const before = table.take('a', 1, 1e9, NOW).remaining;
    while (table.take('a', 1, 1e9, NOW, 0).remaining === before) await setImmediate();
    await thread?.worker.terminate();
    assert.equal(table.take('a', 1, 1e9, NOW).allowed, true);
  }
});

test('what workers count in their cells adds up exactly, whatever they count at the same time', async () => {
  const table = new SeriesTable(THREADS, [], new ManualClock());
  const slot = table.allocate('a');
  await hammer({ type: 'series', layout: table.layout });
  assert.equal(table.total(slot, 0), THREADS * ROUNDS);
  assert.equal(table.total(slot, 1), THREADS * ROUNDS * 2);
  assert.equal(table.total(slot, 2), 0);
});

test('requests in flight and failures are counted exactly over all workers', async () => {
  const table = new EndpointTable(THREADS, new ManualClock());
  const endpoint = table.open(table.allocate('a'));
  await hammer({ type: 'endpoint', layout: table.layout, left: 3 });
  assert.equal(endpoint.inFlight, THREADS * 3);
  assert.equal(endpoint.failures, THREADS * ROUNDS);
});

test('what a dead worker had in flight is given back, and nothing of the others', async () => {
  const table = new EndpointTable(THREADS, new ManualClock());
  const endpoint = table.open(table.allocate('a'));
  await hammer({ type: 'endpoint', layout: table.layout, left: 5 }, 1000);
  table.giveBack(1);
  assert.equal(endpoint.inFlight, (THREADS - 1) * 5);
  table.giveBack(1);
  assert.equal(endpoint.inFlight, (THREADS - 1) * 5);
});

test('retries over all workers use up the reserve exactly', async () => {
  const table = new UpstreamTable(THREADS, new ManualClock());
  table.allocate('a');
  assert.equal(await hammer({ type: 'budget', layout: table.layout }), 100);
});

test('what threads put under the same keys is never mixed up, whether there is room for all of them or not', async () => {
  const secret = Uint8Array.from({ length: 16 }, (_, i) => i);
  for (const count of [8, 24]) {
    const table = ExpiringTable.create(8, secret);
    const keys = Array.from({ length: count }, (_, i) => 'k'.repeat(i + 1));
    assert.equal(await hammer({ type: 'entries', buffer: table.buffer, keys, nowMs: NOW }, 20_000), 0);
    assert.equal(table.count(NOW), 8);
    assert.equal(table.evictions > 0, count > 8);
  }
});

test('a thread that finds the lock of a dead one at a set of entries takes it over', async () => {
  const table = ExpiringTable.create(8, new Uint8Array(16));
  // The one set's lock stands behind the head, held by a ticket that no instance has.
  new Int32Array(table.buffer)[6] = 0x7fff_ffff;
  assert.equal(await hammer({ type: 'entries', buffer: table.buffer, keys: ['a'], nowMs: NOW }, 100), 0);
  assert.equal(table.count(NOW), 1);
});
