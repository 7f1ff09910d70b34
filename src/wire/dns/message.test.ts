// DNS messages: what is written another codec reads, what another codec writes is read, and nothing else gets through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import { fc } from '#lib/properties.ts';
import { DnsMessageError, type RecordType, readAnswer, writeQuery } from './message.ts';

/** An answer to question 7 for `type` records of `name`, as dns-packet writes it: without compression. */
function answer(name: string, type: RecordType, answers: readonly Answer[], flags = 0): Buffer {
  return encode({ type: 'response', id: 7, flags, questions: [{ name, type }], answers: [...answers] });
}

/** The header and question of an answer to `a.test A` with `count` records, and what follows. */
function handmade(count: number, rest: readonly number[]): Buffer {
  const head = Buffer.from([0, 7, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from('\x01a\x04test\0\0\x01\0\x01', 'latin1'), Buffer.from(rest)]);
}

test('a query is one question with recursion desired, and says how much fits into a packet', () => {
  const query = decode(writeQuery(7, '_http._tcp.example.com.', 'SRV'));
  assert.equal(query.id, 7);
  assert.equal(query.flags, 0x0100);
  assert.deepEqual(query.questions, [{ name: '_http._tcp.example.com', type: 'SRV', class: 'IN' }]);
  const [extension] = query.additionals as unknown as { udpPayloadSize: number }[];
  assert.equal(extension?.udpPayloadSize, 1232);
});

for (const name of ['', '.', 'a..b', `${'x'.repeat(64)}.test`, `${'x.'.repeat(140)}test`]) {
  test(`"${name.slice(0, 12)}" of ${name.length} bytes is refused as a name`, () => {
    assert.throws(() => writeQuery(1, name, 'A'), DnsMessageError);
  });
}

test('addresses come with their TTL, whatever the case of the name', () => {
  const bytes = answer('A.Test', 'A', [
    { type: 'A', name: 'a.TEST', ttl: 30, data: '10.0.0.1' },
    { type: 'A', name: 'A.test', ttl: 20, data: '10.0.0.2' },
  ]);
  assert.deepEqual(readAnswer(bytes, 7, 'a.test', 'A'), {
    code: 0,
    truncated: false,
    records: [
      { type: 'A', ttl: 30, address: '10.0.0.1' },
      { type: 'A', ttl: 20, address: '10.0.0.2' },
    ],
  });
});

test('aliases are followed, and the shortest TTL on the way counts', () => {
  const bytes = answer('a.test', 'AAAA', [
    { type: 'AAAA', name: 'c.test', ttl: 300, data: '2001:db8::1' },
    { type: 'CNAME', name: 'a.test', ttl: 60, data: 'b.test' },
    { type: 'CNAME', name: 'b.test', ttl: 5, data: 'C.test' },
    { type: 'AAAA', name: 'other.test', ttl: 1, data: '2001:db8::2' },
  ]);
  assert.deepEqual(readAnswer(bytes, 7, 'a.test', 'AAAA').records, [{ type: 'AAAA', ttl: 5, address: '2001:db8::1' }]);
});

test('aliases in a circle lead to nothing', () => {
  const bytes = answer('a.test', 'A', [
    { type: 'CNAME', name: 'a.test', ttl: 60, data: 'b.test' },
    { type: 'CNAME', name: 'b.test', ttl: 60, data: 'a.test' },
  ]);
  assert.deepEqual(readAnswer(bytes, 7, 'a.test', 'A').records, []);
});

test('RFC 2782: a service record has priority, weight, port and target', () => {
  const data = { priority: 1, weight: 20, port: 8080, target: 'h.test' };
  const bytes = answer('_a._tcp.test', 'SRV', [{ type: 'SRV', name: '_a._tcp.test', ttl: 9, data }]);
  assert.deepEqual(readAnswer(bytes, 7, '_a._tcp.test', 'SRV').records, [{ type: 'SRV', ttl: 9, ...data }]);
});

test('RFC 1035 4.1.4: names are read through pointers', () => {
  // c00c points to the name of the question.
  const bytes = handmade(1, [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
  assert.deepEqual(readAnswer(bytes, 7, 'a.test', 'A').records, [{ type: 'A', ttl: 60, address: '10.0.0.1' }]);
});

test('RFC 2181 8: a TTL with its highest bit set is zero', () => {
  const bytes = handmade(1, [0xc0, 12, 0, 1, 0, 1, 0x80, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
  assert.equal(readAnswer(bytes, 7, 'a.test', 'A').records[0]?.ttl, 0);
});

for (const [what, bytes] of [
  ['that points to itself', handmade(1, [0xc0, 24])],
  ['that points ahead', handmade(1, [0xc0, 30, 0, 0, 0, 0, 0])],
  ['with a label of an unknown kind', handmade(1, [0x40, 1])],
  ['that does not end', handmade(1, [5, 97])],
] as const) {
  test(`a name ${what} is refused`, () => {
    assert.throws(() => readAnswer(bytes, 7, 'a.test', 'A'), DnsMessageError);
  });
}

test('an answer to another query or question is refused', () => {
  const bytes = answer('a.test', 'A', []);
  assert.throws(() => readAnswer(bytes, 8, 'a.test', 'A'), DnsMessageError);
  assert.throws(() => readAnswer(bytes, 7, 'b.test', 'A'), DnsMessageError);
  assert.throws(() => readAnswer(bytes, 7, 'a.test', 'AAAA'), DnsMessageError);
  assert.throws(() => readAnswer(writeQuery(7, 'a.test', 'A'), 7, 'a.test', 'A'), DnsMessageError);
});

test('code and truncation are told, and a truncated answer has no records', () => {
  const record: Answer = { type: 'A', name: 'a.test', ttl: 1, data: '10.0.0.1' };
  assert.equal(readAnswer(answer('a.test', 'A', [], 3), 7, 'a.test', 'A').code, 3);
  assert.deepEqual(readAnswer(answer('a.test', 'A', [record], 0x0200), 7, 'a.test', 'A'), {
    code: 0,
    truncated: true,
    records: [],
  });
});

test('whatever bytes are in place of others, only a DnsMessageError is thrown', () => {
  const whole = answer('_a._tcp.test', 'SRV', [
    { type: 'CNAME', name: '_a._tcp.test', ttl: 60, data: 'b.test' },
    { type: 'SRV', name: 'b.test', ttl: 9, data: { priority: 1, weight: 20, port: 80, target: 'h.test' } },
  ]);
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(whole.length), (changes, length) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        readAnswer(bytes.subarray(0, length), 7, '_a._tcp.test', 'SRV');
      } catch (error) {
        assert.ok(error instanceof DnsMessageError, String(error));
      }
    }),
    { numRuns: 5000 },
  );
});
