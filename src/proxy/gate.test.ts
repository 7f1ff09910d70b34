// The gate of an upstream: the limit holds, the most important go first, nobody waits for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { ManualTimers } from '#lib/manual-timers.ts';
import { fc } from '#lib/properties.ts';
import { ConcurrencyCells } from '#memory/concurrency-cells.ts';
import { UpstreamGate } from './gate.ts';

class Visitor {
  state: 'new' | 'admitted' | 'refused' = 'new';
  reason = '';
  readonly priority: number;
  readonly #log: Visitor[];

  constructor(priority: number, log: Visitor[] = []) {
    this.priority = priority;
    this.#log = log;
  }

  admitted(): void {
    assert.equal(this.state, 'new');
    this.state = 'admitted';
    this.#log.push(this);
  }

  refused({ message }: Error): void {
    assert.equal(this.state, 'new');
    this.state = 'refused';
    this.reason = message;
  }
}

function setUp({ limit = 2, maxWaiting = 3, workers = 1 } = {}) {
  const cells = new Int32Array(ConcurrencyCells.sizeFor(workers));
  const timers = new ManualTimers(new ManualClock());
  let refused = 0;
  const create = (worker: number) =>
    new UpstreamGate(
      { upstream: 'app', maxWaiting, waitTimeoutMs: 1000 },
      new ConcurrencyCells(cells, worker),
      { value: limit, observe() {} },
      { timers, refused: () => refused++ },
    );
  return { gates: Array.from({ length: workers }, (_, i) => create(i)), timers, cells, refused: () => refused };
}

test('who comes beyond the limit waits, and who leaves lets the next in', () => {
  const { gates, cells } = setUp();
  const gate = gates[0] as UpstreamGate;
  const visitors = [1, 2, 3, 4].map(() => new Visitor(2));
  for (const visitor of visitors) gate.enter(visitor);
  assert.deepEqual(
    visitors.map(({ state }) => state),
    ['admitted', 'admitted', 'new', 'new'],
  );
  gate.leave();
  assert.deepEqual(
    visitors.map(({ state }) => state),
    ['admitted', 'admitted', 'admitted', 'new'],
  );
  for (let i = 0; i < 3; i++) gate.leave();
  const shared = new ConcurrencyCells(cells, 0);
  assert.deepEqual([shared.inFlight, shared.waiting], [0, 0]);
});

test('the more important go first, and those alike in their order', () => {
  const { gates } = setUp({ limit: 1, maxWaiting: 10 });
  const gate = gates[0] as UpstreamGate;
  const order: Visitor[] = [];
  gate.enter(new Visitor(2));
  const [low, normal, high, secondHigh] = [3, 2, 1, 1].map((priority) => new Visitor(priority, order));
  for (const visitor of [low, normal, high, secondHigh]) gate.enter(visitor as Visitor);
  for (let i = 0; i < 4; i++) gate.leave();
  assert.deepEqual(order, [high, secondHigh, normal, low]);
});

test('when the queue is full the least important is refused', () => {
  const { gates, refused } = setUp({ limit: 1, maxWaiting: 2 });
  const gate = gates[0] as UpstreamGate;
  gate.enter(new Visitor(2));
  const [low, normal, high, late] = [3, 2, 1, 2].map((priority) => new Visitor(priority)) as [
    Visitor,
    Visitor,
    Visitor,
    Visitor,
  ];
  for (const visitor of [low, normal, high]) gate.enter(visitor);
  assert.deepEqual([low.state, normal.state, high.state], ['refused', 'new', 'new']);
  assert.match(low.reason, /more important/);
  gate.enter(late);
  assert.equal(late.state, 'refused');
  assert.equal(refused(), 2);
});

test('who waits too long is refused', () => {
  const { gates, timers } = setUp({ limit: 1 });
  const gate = gates[0] as UpstreamGate;
  gate.enter(new Visitor(2));
  const waiting = new Visitor(2);
  gate.enter(waiting);
  timers.pass(999);
  assert.equal(waiting.state, 'new');
  timers.pass(1);
  assert.equal(waiting.state, 'refused');
  gate.leave();
  assert.equal(waiting.state, 'refused');
  timers.pass(1000);
  assert.equal(timers.pending, 0);
});

test('who withdraws is neither admitted nor refused', () => {
  const { gates, timers } = setUp({ limit: 1 });
  const gate = gates[0] as UpstreamGate;
  gate.enter(new Visitor(2));
  const [gone, next] = [new Visitor(2), new Visitor(2)];
  gate.enter(gone);
  gate.enter(next);
  gate.withdraw(gone);
  gate.leave();
  timers.pass(5000);
  assert.deepEqual([gone.state, next.state], ['new', 'admitted']);
});

test('a place that another worker gives back is taken by whoever waits', () => {
  const { gates, timers } = setUp({ limit: 1, workers: 2 });
  const [first, second] = gates as [UpstreamGate, UpstreamGate];
  first.enter(new Visitor(2));
  const waiting = new Visitor(2);
  second.enter(waiting);
  first.leave();
  // Nobody overtakes it, in the other worker either.
  const late = new Visitor(2);
  first.enter(late);
  assert.equal(late.state, 'new');
  timers.pass(5);
  assert.equal(waiting.state, 'admitted');
  second.leave();
  timers.pass(5);
  assert.equal(late.state, 'admitted');
});

test('a worker with a long queue leaves places to those that wait in others', () => {
  const { gates, timers } = setUp({ limit: 1, maxWaiting: 100, workers: 2 });
  const [busy, other] = gates as [UpstreamGate, UpstreamGate];
  const queue = Array.from({ length: 50 }, () => new Visitor(2));
  for (const visitor of queue) busy.enter(visitor);
  const waiting = new Visitor(2);
  other.enter(waiting);
  let turns = 0;
  let served = queue.filter(({ state }) => state === 'admitted').length;
  while (waiting.state === 'new' && turns++ < 40) {
    timers.pass(10);
    busy.leave();
    timers.pass(10);
    served = queue.filter(({ state }) => state === 'admitted').length;
    if (waiting.state === 'new') assert.equal(served, turns + 1);
  }
  assert.equal(waiting.state, 'admitted');
  // And gets its own turn again when the place comes back.
  other.leave();
  timers.pass(10);
  assert.equal(queue.filter(({ state }) => state === 'admitted').length, served + 1);
});

test('a dead worker leaves its places to the others', () => {
  const { gates, cells, timers } = setUp({ limit: 1, workers: 2 });
  const [first, second] = gates as [UpstreamGate, UpstreamGate];
  first.enter(new Visitor(2));
  const waiting = new Visitor(2);
  second.enter(waiting);
  new ConcurrencyCells(cells, 0).giveBack();
  timers.pass(5);
  assert.equal(waiting.state, 'admitted');
  first.enter(new Visitor(2));
  const shared = new ConcurrencyCells(cells, 0);
  assert.deepEqual([shared.inFlight, shared.waiting], [1, 1]);
  shared.giveBack();
  assert.deepEqual([shared.inFlight, shared.waiting], [1, 0]);
});

test('whatever comes and goes, the limit holds and each visitor has one outcome', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('enter' as const), worker: fc.nat(1), priority: fc.nat(3) }),
    fc.record({ type: fc.constant('leave' as const), at: fc.nat(20) }),
    fc.record({ type: fc.constant('withdraw' as const), at: fc.nat(20) }),
    fc.record({ type: fc.constant('pass' as const), ms: fc.nat(600) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, limit) => {
      const { gates, timers, cells } = setUp({ limit, workers: 2 });
      const inside: { gate: UpstreamGate; visitor: Visitor }[] = [];
      const all: { gate: UpstreamGate; visitor: Visitor }[] = [];
      for (const one of steps) {
        if (one.type === 'enter') {
          const entry = { gate: gates[one.worker] as UpstreamGate, visitor: new Visitor(one.priority) };
          all.push(entry);
          entry.gate.enter(entry.visitor);
        } else if (one.type === 'leave') {
          inside.splice(0, inside.length, ...all.filter(({ visitor }) => visitor.state === 'admitted'));
          const gone = inside[one.at % Math.max(1, inside.length)];
          if (gone) {
            all.splice(all.indexOf(gone), 1);
            gone.gate.leave();
          }
        } else if (one.type === 'withdraw') {
          const waiting = all.filter(({ visitor }) => visitor.state === 'new');
          const gone = waiting[one.at % Math.max(1, waiting.length)];
          if (gone) {
            all.splice(all.indexOf(gone), 1);
            gone.gate.withdraw(gone.visitor);
          }
        } else {
          timers.pass(one.ms);
        }
        const admitted = all.filter(({ visitor }) => visitor.state === 'admitted').length;
        const waiting = all.filter(({ visitor }) => visitor.state === 'new').length;
        const shared = new ConcurrencyCells(cells, 0);
        assert.ok(admitted <= limit);
        assert.deepEqual([shared.inFlight, shared.waiting], [admitted, waiting]);
      }
      timers.pass(1000);
      assert.ok(all.every(({ visitor }) => visitor.state !== 'new'));
    }),
  );
});
