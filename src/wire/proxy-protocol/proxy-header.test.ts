// PROXY protocol headers: what is read, what is refused, and that what is written reads the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { ProxyHeaderError, readProxyHeader, SIGNATURE } from './read-header.ts';
import { writeOwnHeader, writeProxyHeader } from './write-header.ts';

const text = (line: string) => readProxyHeader(Buffer.from(line, 'latin1'));

function binary(command: number, family: number, content: Buffer): Buffer {
  const fixed = Buffer.from([command, family, content.length >> 8, content.length & 255]);
  return Buffer.concat([SIGNATURE, fixed, content]);
}

const ADDRESSES = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0xdb, 0xba, 0x01, 0xbb]);

test('section 2.1: a line of version 1 names client and target', () => {
  const header = text('PROXY TCP4 192.0.2.1 198.51.100.2 56250 443\r\nGET / HTTP/1.1\r\n');
  assert.deepEqual(header?.source, { address: '192.0.2.1', port: 56250 });
  assert.deepEqual(header?.destination, { address: '198.51.100.2', port: 443 });
  assert.equal(header?.length, 45);
  assert.equal(text('PROXY TCP6 2001:db8::1 ::1 1 2\r\n')?.source?.address, '2001:db8::1');
});

test('section 2.1: an address reads the same however it is written', () => {
  const header = text('PROXY TCP6 ::FFFF:192.0.2.1 2001:DB8:0::0:1 1 2\r\n');
  assert.equal(header?.source?.address, '192.0.2.1');
  assert.equal(header?.destination?.address, '2001:db8::1');
});

test('section 2.1: a line holds addresses of its family, without a zone', () => {
  const line = (address: string) =>
    writeProxyHeader(1, { address, port: 1 }, { address, port: 2 }).toString('latin1').trimEnd();
  assert.equal(line('fe80::1%eth0'), 'PROXY TCP6 fe80::1 fe80::1 1 2');
  assert.equal(line('::ffff:192.0.2.1'), 'PROXY TCP4 192.0.2.1 192.0.2.1 1 2');
});

test('section 2.1: UNKNOWN is taken with whatever stands behind it', () => {
  assert.equal(text('PROXY UNKNOWN\r\n')?.source, undefined);
  assert.equal(text('PROXY UNKNOWN ffff::1 x y z\r\n')?.length, 29);
});

test('a line that is not whole needs more', () => {
  for (const line of ['', 'P', 'PROXY ', 'PROXY TCP4 192.0.2.1', 'PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r'])
    assert.equal(text(line), undefined, line);
});

for (const line of [
  'GET / HTTP/1.1\r\n',
  'proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n',
  'PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n',
  'PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n',
  'PROXY TCP4 2001:db8::1 198.51.100.2 1 2\r\n',
  'PROXY TCP6 192.0.2.1 ::1 1 2\r\n',
  'PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n',
  `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
]) {
  test(`refused: ${JSON.stringify(line).slice(0, 70)}`, () => {
    assert.throws(() => text(line), ProxyHeaderError);
  });
}

test('section 2.2: a header of version 2 names client and target, IPv4 and IPv6', () => {
  const header = readProxyHeader(Buffer.concat([binary(0x21, 0x11, ADDRESSES), Buffer.from('rest')]));
  assert.deepEqual(header?.source, { address: '192.0.2.1', port: 56250 });
  assert.deepEqual(header?.destination, { address: '198.51.100.2', port: 443 });
  assert.equal(header?.length, 28);
  const six = Buffer.alloc(36);
  six[0] = 0x20;
  six[1] = 0x01;
  six[15] = 7;
  six[31] = 1;
  assert.equal(readProxyHeader(binary(0x21, 0x21, six))?.source?.address, '2001::7');
  assert.equal(readProxyHeader(binary(0x21, 0x21, six))?.destination?.address, '::1');
});

test('section 2.2: LOCAL and families that are not known say nothing, and their content is passed over', () => {
  for (const header of [
    binary(0x20, 0x11, ADDRESSES),
    binary(0x21, 0x00, ADDRESSES),
    binary(0x21, 0x31, Buffer.alloc(216)),
  ]) {
    assert.equal(readProxyHeader(header)?.source, undefined);
    assert.equal(readProxyHeader(header)?.length, header.length);
  }
});

test('additional values are told by their types', () => {
  const values = Buffer.concat([ADDRESSES, Buffer.from([0x02, 0, 3]), Buffer.from('abc'), Buffer.from([0x04, 0, 0])]);
  assert.equal(
    readProxyHeader(binary(0x21, 0x11, values))
      ?.values.get(0x02)
      ?.toString(),
    'abc',
  );
});

for (const [what, header] of Object.entries({
  'another version': binary(0x11, 0x11, ADDRESSES),
  'an unknown command': binary(0x22, 0x11, ADDRESSES),
  'addresses that are cut off': binary(0x21, 0x11, ADDRESSES.subarray(0, 11)),
  'a value that is cut off': binary(0x21, 0x11, Buffer.concat([ADDRESSES, Buffer.from([2, 0, 9, 1])])),
  'the head of a value alone': binary(0x21, 0x11, Buffer.concat([ADDRESSES, Buffer.from([2, 0])])),
  'a header of 5000 bytes': binary(0x21, 0x11, Buffer.alloc(5000)),
  'a wrong checksum': binary(0x21, 0x11, Buffer.concat([ADDRESSES, Buffer.from([3, 0, 4, 1, 2, 3, 4])])),
  'a checksum of two bytes': binary(0x21, 0x11, Buffer.concat([ADDRESSES, Buffer.from([3, 0, 2, 1, 2])])),
})) {
  test(`refused: ${what}`, () => {
    assert.throws(() => readProxyHeader(header), ProxyHeaderError);
  });
}

const port = fc.integer({ min: 0, max: 65535 });
const peers = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()));

test('what is written reads as it was given, and any part of it needs more', () => {
  fc.assert(
    fc.property(fc.constantFrom(1 as const, 2 as const), peers, port, port, (version, [from, to], fromPort, toPort) => {
      const written = writeProxyHeader(version, { address: from, port: fromPort }, { address: to, port: toPort });
      const read = readProxyHeader(written);
      assert.equal(read?.length, written.length);
      // An address may be written in several ways; written again it is the same.
      if (read?.source && read.destination) {
        assert.deepEqual([read.source.port, read.destination.port], [fromPort, toPort]);
        const again = writeProxyHeader(2, read.source, read.destination);
        assert.deepEqual(again, writeProxyHeader(2, { address: from, port: fromPort }, { address: to, port: toPort }));
      }
      for (let length = 0; length < written.length; length++)
        assert.equal(readProxyHeader(written.subarray(0, length)), undefined);
    }),
  );
});

test('a changed byte is noticed by the checksum', () => {
  const written = writeProxyHeader(2, { address: '192.0.2.1', port: 1 }, { address: '198.51.100.2', port: 2 });
  const typeOfChecksum = written.length - 7;
  for (let at = 16; at < written.length; at++) {
    // Of another type it would be a value like any other.
    if (at === typeOfChecksum) continue;
    const changed = Buffer.from(written);
    changed[at] = (changed[at] as number) ^ 0x40;
    assert.throws(() => readProxyHeader(changed), ProxyHeaderError, `byte ${at}`);
  }
});

test('whatever comes, nothing but a ProxyHeaderError is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, signed) => {
      try {
        readProxyHeader(Buffer.concat([signed ? SIGNATURE : Buffer.alloc(0), bytes]));
      } catch (error) {
        assert.ok(error instanceof ProxyHeaderError);
      }
    }),
  );
});

test('section 2.2: a datagram is told apart from a connection by the lower half of the family', () => {
  const v4 = { address: '192.0.2.1', port: 5000 };
  const v6 = { address: '2001:db8::1', port: 5000 };
  assert.equal(writeProxyHeader(2, v4, v4, { transport: 'udp' })[13], 0x12);
  assert.equal(writeProxyHeader(2, v6, v6, { transport: 'udp' })[13], 0x22);
  assert.equal(writeProxyHeader(2, v4, v4)[13], 0x11);
});

test('section 2: what is passed on for nobody is UNKNOWN, or LOCAL with its checksum', () => {
  assert.equal(writeOwnHeader(1).toString(), 'PROXY UNKNOWN\r\n');
  const header = writeOwnHeader(2);
  assert.equal(header[12], 0x20);
  assert.equal(readProxyHeader(header)?.length, header.length);
  assert.equal(readProxyHeader(header)?.source, undefined);
});

test('version 2, sections 2.2.1 to 2.2.6: what is known of the TLS of the client stands behind the addresses', () => {
  const v4 = { address: '192.0.2.1', port: 1 };
  const facts = { version: 'TLSv1.3', cipher: 'C', alpn: 'h2', serverName: 'a.test', resumed: false };
  const written = (client: { commonName: string } | undefined, resumed = false) =>
    writeProxyHeader(2, v4, v4, { tls: { ...facts, resumed, client } })
      .subarray(28, -7)
      .toString('latin1');
  const names = '\x01\0\x02h2\x02\0\x06a.test';
  const common = '\x21\0\x07TLSv1.3\x23\0\x01C';
  assert.equal(written(undefined), `${names}\x20\0\x13\x01\0\0\0\x01${common}`);
  const withClient = `${common}\x22\0\x05alice`;
  assert.equal(written({ commonName: 'alice' }), `${names}\x20\0\x1b\x07\0\0\0\0${withClient}`);
  assert.equal(written({ commonName: 'alice' }, true), `${names}\x20\0\x1b\x05\0\0\0\0${withClient}`);
  assert.ok(readProxyHeader(writeProxyHeader(2, v4, v4, { tls: { ...facts, client: undefined } })));
});
