// RFC 9113 8.2 to 8.5 and 10.3 through a gateway: any message of HTTP/2 is either refused, or reaches an HTTP/1.1 endpoint as exactly one
// request with exactly what it said. Nothing in it becomes framing, another field or another request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import type { FieldPair } from '../support/hpack.ts';
import { connectHttp2To } from '../support/http2-client.ts';
import { FLAG } from '../support/http2-frames.ts';
import type { ReceivedRequest } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';
import { framedByNode } from './llhttp.ts';
import { fuzzRounds, fuzzSeed } from './mutate.ts';

const shared = shareGateway();
/** All that the origin has received, by connection. */
const bytes = new Map<number, string>();
shared.origin.onBytes = (received, { number }) => void bytes.set(number, (bytes.get(number) ?? '') + received);

interface Message {
  readonly pseudo: readonly FieldPair[];
  readonly fields: readonly FieldPair[];
  /** Content in its DATA frames; none ends with HEADERS. */
  readonly content: readonly string[];
  readonly trailers: readonly FieldPair[];
}

const SPICE = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  '\t',
  ' ',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ',',
  ';',
  '=',
  '"',
  '#',
  '?',
  '%',
  '/',
  '\\',
  '_',
];
const SMUGGLED = '\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n';

/** Text that is harmless, and now and then not. */
const text = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom('a', 'value', '1', '0', 'trailers', 'chunked', 'gzip', '"x"', 'a, b', '\x80\xff', ''),
  },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', '0', '-', ...SPICE), maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ` a`,
      `a `,
      `a${SMUGGLED}`,
      'a\r\nTransfer-Encoding: chunked',
      'a\nContent-Length: 0',
      'close',
      '5, 5',
      '+5',
    ),
  },
);
const name = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom('accept', 'x-a', 'x-b', 'x-c', 'cookie', 'content-type', 'authorization', 'a_b', 'a-b'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'te',
      'host',
      'content-length',
      'expect',
      'trailer',
      'via',
      'x-forwarded-for',
      'priority',
      'upgrade',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constantFrom(
        'transfer-encoding',
        'connection',
        'Content-Length',
        'content-length ',
        'host:',
        ' x',
        '',
        ':path',
        ':status',
        'content_length',
      ),
      fc.string({ unit: fc.constantFrom('a', 'b', '-', 'A', ...SPICE), minLength: 1, maxLength: 6 }),
      text,
    ),
  },
);
const field: fc.Arbitrary<FieldPair> = fc.tuple(name, text);

/** A value that is mostly one of the first. */
const mostly = (usual: readonly string[], odd: readonly string[]) =>
  fc.oneof(
    { weight: 25, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.oneof(fc.constantFrom(...odd), text) },
  );
const pseudo: fc.Arbitrary<readonly FieldPair[]> = fc
  .tuple(
    mostly(
      ['GET', 'POST', 'PUT', 'DELETE', 'M-SEARCH'],
      ['get', 'CONNECT', 'TRACE', 'G T', `GET /x HTTP/1.1${SMUGGLED}`, 'OPTIONS'],
    ),
    mostly(['http', 'https'], ['HTTP', 'ftp', 'http://evil.example']),
    mostly(
      ['example.com', 'a.example:81', '[::1]:80'],
      ['user@a', 'a b', 'a/b', `a${SMUGGLED}`, 'a,b', 'A.EXAMPLE', 'a:99999'],
    ),
    mostly(
      ['/', '/a?b', '/a/../b//c?d=/../e', '/%41%2d', '/a;b=c'],
      [
        '*',
        'http://evil.example/',
        '//evil.example',
        '/a b',
        `/a HTTP/1.1${SMUGGLED}`,
        '/%zz',
        '/a#b',
        '/%2e%2e/%2f',
        '?a',
        '/..%2f',
      ],
    ),
  )
  .map(([method, scheme, authority, path]) => [
    [':method', method],
    [':scheme', scheme],
    [':authority', authority],
    [':path', path],
  ]);
/** The same, now and then without one of them, or with one twice. */
const pseudoList = fc
  .tuple(pseudo, fc.integer({ min: 0, max: 80 }))
  .map(([list, odd]) => (odd < 4 ? list.toSpliced(odd, 1) : odd < 8 ? [...list, list[odd - 4] as FieldPair] : list));

const message: fc.Arbitrary<Message> = fc.record({
  pseudo: pseudoList,
  fields: fc.array(field, { maxLength: 5 }),
  content: fc.array(fc.constantFrom('', 'x', 'hello', `${SMUGGLED}`, '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'), {
    maxLength: 3,
  }),
  trailers: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(field, { minLength: 1, maxLength: 2 }) },
  ),
});

type Verdict = number | string;

/** The status of the answer, or the code of the reset. */
async function send({ pseudo, fields, content, trailers }: Message): Promise<Verdict> {
  const client = await connectHttp2To(shared.gateway.port());
  try {
    await client.open();
    const withTrailers = trailers.length > 0;
    const onlyHead = content.length === 0 && !withTrailers;
    void client.headers(1, [...pseudo, ...fields], onlyHead ? FLAG.endStream : 0);
    content.forEach((part, index) => {
      void client.data(1, part, index === content.length - 1 && !withTrailers ? FLAG.endStream : 0);
    });
    if (withTrailers) void client.headers(1, trailers, FLAG.endStream);
    return await client.response(1).then(
      ({ status }) => status,
      (error: Error) => error.message,
    );
  } finally {
    client.socket.destroy();
  }
}

/** What the engines write themselves, or say in another way. */
const FRAMING = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'te',
  'cookie',
  'trailer',
  'expect',
  'upgrade',
]);
/** What tells of hops, and what could be taken for another field, is the gateway's business. */
const isPlain = ([name]: readonly [string, string]) =>
  !FRAMING.has(name) &&
  !/^(?:via|forwarded|x-forwarded-.*|proxy|max-forwards|x-request-id)$/.test(name) &&
  !name.includes('_');

const valuesOf = (fields: readonly (readonly [string, string])[], wanted: string) =>
  fields.filter(([name]) => name === wanted).map(([, value]) => value);

/** The request is what the message said, and nothing else. */
function assertSame({ pseudo, fields, content, trailers }: Message, received: ReceivedRequest): void {
  const control = new Map(pseudo);
  assert.equal(received.method, control.get(':method'));
  assert.match(received.start, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:\/[!-"$-~]*|\*) HTTP\/1\.1$/);
  assert.equal(received.target.includes('?'), control.get(':path')?.includes('?'));
  assert.equal(received.field('host'), control.get(':authority') ?? valuesOf(fields, 'host')[0]);
  assert.equal(valuesOf(received.fields, 'host').length, 1);
  assert.deepEqual(received.fields.filter(isPlain), fields.filter(isPlain));
  const cookies = valuesOf(fields, 'cookie').filter((value) => value !== '');
  assert.deepEqual(valuesOf(received.fields, 'cookie'), cookies.length === 0 ? [] : [cookies.join('; ')]);
  assert.equal(received.body, content.join(''));
  const lengths = valuesOf(received.fields, 'content-length');
  const codings = valuesOf(received.fields, 'transfer-encoding');
  assert.ok(lengths.length + codings.length <= 1);
  if (lengths[0] !== undefined) assert.equal(Number(lengths[0]), received.body.length);
  if (codings[0] !== undefined) assert.equal(codings[0], 'chunked');
  assert.deepEqual(
    received.trailers.filter(
      (trailer) => !trailers.some(([name, value]) => name === trailer[0] && value === trailer[1]),
    ),
    [],
  );
  assert.deepEqual(
    received.trailers.filter(([name]) => FRAMING.has(name) || name === 'authorization'),
    [],
  );
}

const verdicts = new Map<Verdict, number>();

test('any message is refused, or is one request that says the same', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  let runs = 0;
  const sent: Message[] = [];
  const property = fc.asyncProperty(message, async (random) => {
    const run = ++runs;
    const marked = { ...random, fields: [...random.fields, ['x-run', `${run}`] satisfies FieldPair] };
    sent[run] = marked;
    const verdict = await send(marked);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    // 204 is the answer to OPTIONS of the gateway itself.
    assert.match(String(verdict), /PROTOCOL_ERROR$|^(?:200|204|400|405|417|431|501)$/);
    const received = shared.origin.requests.filter((request) => request.field('x-run') === `${run}`);
    if (verdict !== 200) return;
    assert.equal(received.length, 1);
    assertSame(marked, received[0] as ReceivedRequest);
  });
  await fc.assert(property, { seed, numRuns: fuzzRounds(800), endOnFailure: true });
  t.diagnostic([...verdicts].map(([verdict, count]) => `${verdict}: ${count}`).join(', '));
  assert.ok((verdicts.get(200) ?? 0) > 50);
  assertNothingElse(sent);
  await assertSameToNode();
});

/** All that the origin has received are requests of ours, each once; of what was found out late to be malformed, some of the content. */
function assertNothingElse(sent: readonly Message[]): void {
  const seen = new Set<number>();
  for (const { fields, body } of shared.origin.requests) {
    const run = Number(valuesOf(fields, 'x-run')[0]);
    assert.ok(!seen.has(run));
    seen.add(run);
    assert.ok(sent[run]?.content.join('').startsWith(body));
  }
}

/** Node's own parser finds the same requests in what the origin has received. */
async function assertSameToNode(): Promise<void> {
  for (const [number, received] of bytes) {
    const own = shared.origin.requests.filter(({ connection }) => connection === number);
    const byNode = await framedByNode(received);
    assert.deepEqual(
      byNode.map(({ method, target, body }) => `${method} ${target} ${body}`),
      own.slice(0, byNode.length).map(({ method, target, body }) => `${method} ${target} ${body}`),
    );
  }
}
