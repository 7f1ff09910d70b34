// Deadlines: never early, once, and gone without trace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from './clock.ts';
import { type DeadlineEntry, Deadlines } from './deadlines.ts';

class Owner {
  deadline: DeadlineEntry | undefined = undefined;
  calls = 0;
  onDeadline(): void {
    this.calls++;
  }
}

function setUp() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 50);
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i += 50) {
      clock.advance(50);
      deadlines.sweep();
    }
  };
  return { clock, deadlines, pass };
}

test('a deadline is noticed after its time, at most two sweeps late, and once', () => {
  const { deadlines, pass } = setUp();
  const owner = new Owner();
  deadlines.set(owner, 1000);
  pass(1000);
  assert.equal(owner.calls, 0);
  pass(100);
  assert.equal(owner.calls, 1);
  pass(5000);
  assert.equal(owner.calls, 1);
  assert.equal(deadlines.size, 0);
});

test('a deadline between two sweeps is not early', () => {
  const { clock, deadlines } = setUp();
  const owner = new Owner();
  clock.advance(49);
  deadlines.set(owner, 100);
  clock.advance(99);
  deadlines.sweep();
  assert.equal(owner.calls, 0);
});

test('a deadline set when sweeps have long failed to come is not early', () => {
  const { clock, deadlines, pass } = setUp();
  const [old, fresh] = [new Owner(), new Owner()];
  deadlines.set(old, 1000);
  pass(50);
  clock.advance(5000);
  deadlines.set(fresh, 1000);
  deadlines.sweep();
  assert.deepEqual([old.calls, fresh.calls], [1, 0]);
  pass(950);
  assert.equal(fresh.calls, 0);
  pass(100);
  assert.equal(fresh.calls, 1);
});

test('setting again replaces, whatever the lengths', () => {
  const { deadlines, pass } = setUp();
  const owner = new Owner();
  deadlines.set(owner, 1000);
  pass(900);
  deadlines.set(owner, 1000);
  pass(900);
  deadlines.set(owner, 3000);
  pass(2900);
  assert.equal(owner.calls, 0);
  assert.equal(deadlines.size, 1);
  pass(300);
  assert.equal(owner.calls, 1);
});

test('a cleared deadline never comes', () => {
  const { deadlines, pass } = setUp();
  const owner = new Owner();
  deadlines.set(owner, 100);
  deadlines.clear(owner);
  deadlines.clear(owner);
  pass(1000);
  assert.equal(owner.calls, 0);
  assert.equal(deadlines.size, 0);
});

test('an owner may set its next deadline while it is called', () => {
  const { deadlines, pass } = setUp();
  let calls = 0;
  const owner = {
    deadline: undefined as DeadlineEntry | undefined,
    onDeadline() {
      if (++calls < 3) deadlines.set(this, 100);
    },
  };
  deadlines.set(owner, 100);
  pass(1000);
  assert.equal(calls, 3);
});
