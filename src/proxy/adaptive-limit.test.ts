// The adaptive limit: finds what an upstream takes, and follows it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { ConcurrencyCells } from '#memory/concurrency-cells.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';

const SETTINGS = { min: 4, max: 1000, tolerance: 2 };

/** An upstream that takes `capacity` requests at a time without getting slower, under as many clients as the limit lets in. */
class Model {
  capacity: number;
  baseMs: number;
  readonly limit: AdaptiveLimit;
  /** One for each worker; requests go to them in turn. */
  readonly #limits: readonly AdaptiveLimit[];
  readonly #cells: ConcurrencyCells;
  readonly #clock = new ManualClock();
  #turn = 0;

  constructor(capacity: number, baseMs: number, settings = SETTINGS, workers = 1) {
    this.capacity = capacity;
    this.baseMs = baseMs;
    const shared = new Int32Array(ConcurrencyCells.sizeFor(workers));
    const cells = Array.from({ length: workers }, (_, worker) => new ConcurrencyCells(shared, worker));
    this.#cells = cells[0] as ConcurrencyCells;
    this.#limits = cells.map((one) => new AdaptiveLimit(settings, one, this.#clock));
    this.limit = this.#limits[0] as AdaptiveLimit;
  }

  /** Lets time pass with as many requests under way as may be, or as there are. Returns the last latency. */
  run(seconds: number, clients = Number.POSITIVE_INFINITY): number {
    let latencyMs = 0;
    const end = this.#clock.now() + seconds * 1000;
    while (this.#clock.now() < end) {
      const inFlight = Math.floor(Math.min(this.limit.value, clients));
      for (let i = 0; i < inFlight; i++) this.#cells.tryBegin(Number.POSITIVE_INFINITY);
      latencyMs = this.baseMs * Math.max(1, inFlight / this.capacity);
      this.#clock.advance(latencyMs);
      for (let i = 0; i < inFlight; i++) this.#limits[this.#turn++ % this.#limits.length]?.observe(latencyMs);
      for (let i = 0; i < inFlight; i++) this.#cells.end();
    }
    return latencyMs;
  }
}

test('it grows to what the upstream takes at the tolerated latency, and not much beyond', (t) => {
  for (const capacity of [10, 50, 200]) {
    const model = new Model(capacity, 10);
    const latencyMs = model.run(60);
    t.diagnostic(
      `capacity ${capacity}: limit ${model.limit.value.toFixed(1)}, latency ${latencyMs.toFixed(1)} ms of 10`,
    );
    assert.ok(model.limit.value >= capacity * 1.5);
    assert.ok(latencyMs <= 10 * 2 * 1.5);
  }
});

test('it shrinks when the upstream loses capacity, and grows again when that is back', () => {
  const model = new Model(100, 10);
  model.run(60);
  const before = model.limit.value;
  model.capacity = 25;
  const latencyMs = model.run(30);
  assert.ok(model.limit.value < before / 2);
  assert.ok(latencyMs <= 10 * 2 * 1.5);
  model.capacity = 100;
  model.run(60);
  assert.ok(model.limit.value > before * 0.8);
});

test('an upstream that has become slower for good is judged by its new best, in the end', () => {
  const model = new Model(50, 10);
  model.run(60);
  model.baseMs = 40;
  model.run(20);
  const low = model.limit.value;
  model.run(400);
  assert.ok(low < 25);
  assert.ok(model.limit.value > 50);
});

test('a limit that is not made use of stays where it is', () => {
  const model = new Model(1000, 10);
  model.run(120, 5);
  assert.ok(model.limit.value <= 30);
});

test('an upstream that is always full does not get more and more', () => {
  const model = new Model(50, 10);
  model.run(60);
  const before = model.limit.value;
  model.run(3600);
  assert.ok(model.limit.value < before * 1.3, `${before} ${model.limit.value}`);
});

test('the best latency is looked for once a minute, by one of all workers', () => {
  const lowest = [1, 8].map((workers) => {
    const model = new Model(100, 10, SETTINGS, workers);
    model.run(90);
    let least = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 600; turn++) {
      model.run(0.1);
      least = Math.min(least, model.limit.value);
    }
    return least;
  }) as [number, number];
  assert.ok(lowest[1] > lowest[0] / 2, lowest.join(' '));
});

test('its bounds hold', () => {
  const small = new Model(1000, 10, { min: 4, max: 30, tolerance: 2 });
  small.run(60);
  assert.equal(small.limit.value, 30);
  const large = new Model(1, 10, { min: 15, max: 1000, tolerance: 1 });
  large.run(60);
  assert.ok(large.limit.value >= 15);
});

test('new bounds hold at once for a limit that was found out before', () => {
  const cells = new ConcurrencyCells(new Int32Array(ConcurrencyCells.sizeFor(1)), 0);
  cells.setLimit(100);
  const within = (min: number, max: number) =>
    new AdaptiveLimit({ min, max, tolerance: 2 }, cells, new ManualClock()).value;
  assert.deepEqual([within(4, 1000), within(4, 30), within(150, 1000)], [100, 30, 150]);
});
