// Time that only moves when nothing is left to do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualTime } from './virtual-time.ts';

const never = () => false;

test('timers run in the order of their time, and those of one moment in the order they were set', async () => {
  const time = new VirtualTime(1_000_000);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name} ${time.now()} ${time.wall()}`);
  time.set(note('late'), 20);
  time.set(note('a'), 10);
  time.set(note('b'), 10);
  time.set(note('now'), -5);
  await time.run(never);
  assert.deepEqual(ran, ['now 0 1000000', 'a 10 1000010', 'b 10 1000010', 'late 20 1000020']);
});

test('a timer that was taken back does not run, and does not move the clock', async () => {
  const time = new VirtualTime(0);
  const takeBack = time.set(() => assert.fail('it ran'), 50);
  time.set(takeBack, 10);
  await time.run(never);
  assert.equal(time.now(), 10);
});

test('all promises settle before the clock moves on, however long the chain', async () => {
  const time = new VirtualTime(0);
  let settledAt = -1;
  const chain = async (): Promise<void> => {
    for (let i = 0; i < 1000; i++) await undefined;
    settledAt = time.now();
  };
  time.set(() => void chain(), 1);
  time.set(() => assert.equal(settledAt, 1), 2);
  await time.run(never);
  assert.equal(time.now(), 2);
});

test('a run ends when it is told that all is done, and leaves later timers alone', async () => {
  const time = new VirtualTime(0);
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    time.set(tick, 5);
  };
  time.set(tick, 5);
  await time.run(() => ticks === 3);
  assert.deepEqual([ticks, time.now()], [3, 15]);
});
