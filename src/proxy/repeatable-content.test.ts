// Content that is sent again: each reader gets all of it, whatever the one before had, and back-pressure holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import { fc } from '#lib/properties.ts';
import type { BodySink, StreamBody } from '#model/body.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { RepeatableContent } from './repeatable-content.ts';

const REASON = new ProxyError('connection_terminated');

/** A source as a connection is one: gives its parts when told, holds when it must, and reuses its memory where it may. */
class Source implements StreamBody {
  readonly type = 'stream';
  started = false;
  cancelled: ProxyError | undefined;
  held = false;
  readonly #parts: string[];
  readonly #memory = Buffer.alloc(64);
  #sink: BodySink | undefined;
  #ended = false;

  constructor(parts: readonly string[]) {
    this.#parts = [...parts];
  }

  pipe(sink: BodySink): void {
    this.started = true;
    this.#sink = sink;
  }

  resume(): void {
    this.held = false;
  }

  cancel(error: ProxyError): void {
    this.cancelled = error;
    this.#sink = undefined;
  }

  /** Gives the next part, or the end; returns whether it did. */
  give(): boolean {
    if (!this.#sink || this.held || this.#ended) return false;
    const part = this.#parts.shift();
    if (part === undefined) {
      this.#ended = true;
      this.#sink.end(Fields.from([['x-sum', '1']]));
      return true;
    }
    const length = this.#memory.write(part, 'latin1');
    this.held = !this.#sink.chunk(this.#memory.subarray(0, length));
    // What was taken may be overwritten at once.
    if (!this.held) this.#memory.fill(0);
    return true;
  }

  breakOff(error: ProxyError): void {
    this.#sink?.abort(error);
  }
}

/** A connection to an endpoint: takes parts, says to wait now and then, and resumes when told. */
class Reader implements BodySink {
  text = '';
  ended = false;
  trailers: Fields | undefined;
  aborted: ProxyError | undefined;
  waiting = false;
  patience: number;
  readonly body: StreamBody;

  constructor(body: StreamBody, patience = Number.POSITIVE_INFINITY) {
    this.body = body;
    this.patience = patience;
    body.pipe(this);
  }

  chunk(bytes: Uint8Array): boolean {
    assert.ok(!this.waiting && !this.ended);
    this.text += Buffer.from(bytes).toString('latin1');
    this.waiting = --this.patience <= 0;
    return !this.waiting;
  }

  end(trailers: Fields | undefined): void {
    assert.ok(!this.ended);
    this.ended = true;
    this.trailers = trailers;
  }

  abort(error: ProxyError): void {
    this.aborted = error;
  }

  resume(patience: number): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.patience = patience;
    this.body.resume();
  }
}

test('a second reader gets what the first had and what the source has still to give', () => {
  const source = new Source(['ab', 'cd', 'ef']);
  const content = new RepeatableContent(source, 100);
  const first = new Reader(content.next());
  source.give();
  source.give();
  first.body.cancel(REASON);
  assert.equal(source.cancelled, undefined);
  assert.ok(content.repeatable);
  const second = new Reader(content.next());
  assert.equal(second.text, 'abcd');
  while (source.give());
  assert.deepEqual([first.text, second.text, second.ended], ['abcd', 'abcdef', true]);
  assert.equal(second.trailers?.get('x-sum'), '1');
});

test('content that was whole before is whole again, with its end', () => {
  const source = new Source(['ab']);
  const content = new RepeatableContent(source, 100);
  const first = new Reader(content.next());
  while (source.give());
  assert.ok(first.ended);
  const second = new Reader(content.next());
  assert.deepEqual([second.text, second.ended, second.trailers?.get('x-sum')], ['ab', true, '1']);
});

test('beyond the limit it is not repeatable, and goes on to its reader', () => {
  const source = new Source(['abcd', 'efgh', 'ij']);
  const content = new RepeatableContent(source, 6);
  const reader = new Reader(content.next());
  source.give();
  assert.ok(content.repeatable);
  source.give();
  assert.ok(!content.repeatable);
  while (source.give());
  assert.deepEqual([reader.text, reader.ended], ['abcdefghij', true]);
});

test('what comes between two readers is for the second, even beyond the limit', () => {
  const source = new Source(['abcd', 'efgh', 'ij']);
  const content = new RepeatableContent(source, 6);
  new Reader(content.next()).body.cancel(REASON);
  source.give();
  assert.ok(source.held && content.repeatable);
  source.resume();
  source.give();
  assert.ok(content.repeatable);
  const second = new Reader(content.next());
  while (source.give());
  assert.deepEqual([second.text, second.ended], ['abcdefghij', true]);
});

test('when no reader follows the source is told that the last one left', () => {
  const source = new Source(['ab']);
  const content = new RepeatableContent(source, 100);
  new Reader(content.next()).body.cancel(REASON);
  assert.equal(source.cancelled, undefined);
  content.settle();
  assert.equal(source.cancelled, REASON);
});

test('once settled a reader that leaves takes the source with it, and nothing more is kept', () => {
  const source = new Source(['ab', 'cd']);
  const content = new RepeatableContent(source, 100);
  const reader = new Reader(content.next());
  source.give();
  content.settle();
  assert.ok(!content.repeatable);
  reader.body.cancel(REASON);
  assert.equal(source.cancelled, REASON);
});

test('a source that breaks off breaks its reader off, and is not repeatable', () => {
  const source = new Source(['ab']);
  const content = new RepeatableContent(source, 100);
  const reader = new Reader(content.next());
  source.breakOff(REASON);
  assert.equal(reader.aborted, REASON);
  assert.ok(!content.repeatable);
});

test('whatever readers do, the last one gets all of it, once and in order', () => {
  const step = fc.oneof(
    fc.constant({ type: 'give' as const }),
    fc.record({ type: fc.constant('resume' as const), patience: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ type: fc.constant('again' as const), patience: fc.integer({ min: 1, max: 3 }) }),
    fc.constant({ type: 'settle' as const }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 20 }), { maxLength: 8 }),
      fc.array(step, { maxLength: 40 }),
      fc.nat(80),
      (parts, steps, limit) => {
        const source = new Source(parts);
        const content = new RepeatableContent(source, limit);
        let reader = new Reader(content.next(), 1);
        let settled = false;
        for (const one of steps) {
          if (one.type === 'give') source.give();
          else if (one.type === 'resume') reader.resume(one.patience);
          else if (one.type === 'settle') {
            content.settle();
            settled = true;
          } else if (content.repeatable && !settled) {
            reader.body.cancel(REASON);
            reader = new Reader(content.next(), one.patience);
          }
        }
        for (let i = 0; i < 100; i++) {
          reader.resume(1);
          source.give();
        }
        assert.equal(source.cancelled, undefined);
        assert.deepEqual([reader.text, reader.ended], [parts.join(''), true]);
      },
    ),
  );
});
