// Content as it comes through a filter: changed, lengthened at its end, ended early, and never pressed on a reader that holds it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#http/fields.ts';
import type { BodySink, StreamBody } from './body.ts';
import { type BodyFilter, filterBody } from './body-filter.ts';
import { ProxyError } from './proxy-error.ts';

const REASON = new ProxyError('connection_terminated');

/** Content that comes when the test says so. */
class Source implements StreamBody {
  readonly type = 'stream';
  started = false;
  resumed = 0;
  cancelled: ProxyError | undefined = undefined;
  #sink: BodySink | undefined = undefined;

  pipe(sink: BodySink): void {
    this.started = true;
    this.#sink = sink;
  }

  resume(): void {
    this.resumed++;
  }

  cancel(error: ProxyError): void {
    this.cancelled = error;
    this.#sink = undefined;
  }

  give(text: string): boolean | undefined {
    return this.#sink?.chunk(Buffer.from(text));
  }

  end(trailers?: Fields): void {
    this.#sink?.end(trailers);
  }

  abort(error: ProxyError): void {
    this.#sink?.abort(error);
  }
}

/** Reads what comes through `filter`; takes no more after the text `holdAt`. */
function read(filter: Partial<BodyFilter>, holdAt?: string) {
  const source = new Source();
  const body = filterBody(source, { chunk: (bytes) => bytes, ...filter });
  const got: string[] = [];
  const sink: BodySink = {
    chunk(bytes) {
      const text = Buffer.from(bytes).toString();
      got.push(text);
      return text !== holdAt;
    },
    end: (trailers) => void got.push(`end ${trailers?.text ?? ''}`.trim()),
    abort: ({ code }) => void got.push(`abort ${code}`),
  };
  return { source, body, got, start: () => body.pipe(sink) };
}

const upper: BodyFilter = { chunk: (bytes) => Buffer.from(Buffer.from(bytes).toString().toUpperCase()) };
const ending = { end: () => ({ bytes: Buffer.from('!'), trailers: Fields.from([['x', '1']]) }) };

test('chunks are changed, and a chunk of which nothing is left is not passed on', () => {
  const { source, got, start } = read({ chunk: (bytes) => (bytes.length > 1 ? upper.chunk(bytes) : Buffer.alloc(0)) });
  start();
  assert.equal(source.give('ab'), true);
  assert.equal(source.give('c'), true);
  source.end(Fields.from([['y', '2']]));
  assert.deepEqual(got, ['AB', 'end y: 2']);
});

test('a filter ends the content with bytes and trailers of its own', () => {
  const { source, got, start } = read(ending);
  start();
  source.give('a');
  source.end();
  assert.deepEqual(got, ['a', '!', 'end x: 1']);
});

test('a reader that holds the last bytes gets the end when it goes on', () => {
  const { source, body, got, start } = read(ending, '!');
  start();
  source.end();
  assert.deepEqual(got, ['!']);
  body.resume();
  assert.deepEqual(got, ['!', 'end x: 1']);
  assert.equal(source.resumed, 0);
});

test('a reader that holds a chunk holds the source', () => {
  const { source, body, start } = read({}, 'a');
  start();
  assert.equal(source.give('a'), false);
  body.resume();
  assert.equal(source.resumed, 1);
});

test('content that breaks off stays incomplete, unless the filter knows how to end it', () => {
  const plain = read({});
  plain.start();
  plain.source.abort(REASON);
  assert.deepEqual(plain.got, ['abort connection_terminated']);
  const mended = read({ abort: () => ({ bytes: undefined, trailers: Fields.from([['x', '1']]) }) });
  mended.start();
  mended.source.abort(REASON);
  assert.deepEqual(mended.got, ['end x: 1']);
});

test('content that is ended early cancels its source, and waits for a reader that holds a chunk', () => {
  const { source, body, got, start } = read({ abort: () => ({ bytes: Buffer.from('.'), trailers: undefined }) }, 'a');
  start();
  source.give('a');
  body.breakOff(REASON);
  body.breakOff(REASON);
  assert.equal(source.cancelled, REASON);
  assert.deepEqual(got, ['a']);
  body.resume();
  assert.deepEqual(got, ['a', '.', 'end']);
  assert.equal(source.resumed, 0);
});

test('content that is ended ahead of its reader tells the reader when it comes', () => {
  const { source, body, got, start } = read({});
  body.breakOff(REASON);
  assert.equal(source.cancelled, REASON);
  start();
  assert.deepEqual(got, ['abort connection_terminated']);
});

test('a filter that throws ends the content on both sides', () => {
  const fail = () => {
    throw REASON;
  };
  for (const [filter, give] of [
    [{ chunk: fail }, (source: Source) => source.give('a')],
    [{ end: fail }, (source: Source) => source.end()],
  ] as const) {
    const { source, got, start } = read(filter);
    start();
    give(source);
    assert.equal(source.cancelled, REASON);
    assert.deepEqual(got, ['abort connection_terminated']);
  }
});

test('a reader that wants no more gets no more', () => {
  const { source, body, got, start } = read(ending);
  start();
  body.cancel(REASON);
  source.end();
  assert.equal(source.cancelled, REASON);
  assert.deepEqual(got, []);
});
