// Addresses and prefixes as bits, checked against the platform's own BlockList.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { formatIpPrefix, parseIpAddress, parseIpPrefix } from './ip-address.ts';

const bytesOf = (text: string) => [...(parseIpAddress(text)?.bytes ?? [])];

test('an IPv4 address is four bytes', () => {
  assert.deepEqual(parseIpAddress('192.0.2.255'), { version: 4, bytes: Uint8Array.of(192, 0, 2, 255) });
});

test('RFC 4291 2.2: an IPv6 address is sixteen bytes in each of its spellings', () => {
  const expected = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 2, 1];
  for (const text of [
    '2001:db8::c000:201',
    '2001:DB8:0:0:0:0:C000:0201',
    '2001:db8::192.0.2.1',
    '2001:0db8:0::192.0.2.1',
  ]) {
    assert.deepEqual(bytesOf(text), expected, text);
  }
  assert.deepEqual(bytesOf('::'), Array(16).fill(0));
  assert.deepEqual(bytesOf('1::'), [0, 1, ...Array(14).fill(0)]);
});

test('RFC 4291 2.5.5.2: an IPv4-mapped address is the IPv4 address it holds', () => {
  for (const text of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:c000:0201']) {
    assert.deepEqual(parseIpAddress(text), parseIpAddress('192.0.2.1'), text);
  }
  assert.equal(parseIpAddress('::192.0.2.1')?.version, 6);
});

test('a zone is ignored', () => {
  assert.deepEqual(parseIpAddress('fe80::1%eth0'), parseIpAddress('fe80::1'));
});

test('what is no address is undefined', () => {
  const bad = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x7f.1',
    'localhost',
    ':',
    ':::',
    '1::2::3',
  ];
  for (const text of [...bad, '[::1]', '12345::', '1:2:3:4:5:6:7:8:9', '%eth0', '1.2.3.4/8']) {
    assert.equal(parseIpAddress(text), undefined, text);
  }
});

test('bits behind the length of a prefix are dropped', () => {
  assert.deepEqual(parseIpPrefix('10.255.255.255/9'), { version: 4, bytes: Uint8Array.of(10, 128, 0, 0), length: 9 });
  assert.deepEqual(parseIpPrefix('255.255.255.255/0')?.bytes, new Uint8Array(4));
  assert.equal(formatIpPrefix(parseIpPrefix('2001:db8:ffff::1/33') as never), '2001:db8:8000:0:0:0:0:0/33');
});

test('an address alone is the prefix of just this address', () => {
  assert.equal(parseIpPrefix('192.0.2.1')?.length, 32);
  assert.equal(parseIpPrefix('2001:db8::1')?.length, 128);
});

test('a prefix of mapped addresses is counted in the bits of IPv6', () => {
  assert.deepEqual(parseIpPrefix('::ffff:10.0.0.0/104'), parseIpPrefix('10.0.0.0/8'));
  assert.equal(parseIpPrefix('::ffff:10.0.0.0/8'), undefined);
});

test('what is no prefix is undefined', () => {
  const bad = ['', '/', '/8', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8 ', '10.0.0.0/8/8', '10.0.0.0/+8'];
  for (const text of [...bad, '10/8', '::/129', '::/0x8', '10.0.0.0/1e1', '*']) {
    assert.equal(parseIpPrefix(text), undefined, text);
  }
});

test('every IPv4 address is read as the four numbers it shows', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(bytesOf(text).join('.'), text)));
});

test('every IPv6 address is read as the platform reads it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const read = parseIpAddress(text);
      assert.ok(read);
      if (read.version === 4) return;
      const list = new net.BlockList();
      list.addAddress(text, 'ipv6');
      assert.equal(list.check(formatIpPrefix({ ...read, length: 128 }).slice(0, -4), 'ipv6'), true);
    }),
  );
});

test('a prefix reads itself back from its text', () => {
  const prefix = fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(32)).map(([address, length]) => `${address}/${length}`),
    fc.tuple(fc.ipV6(), fc.nat(128)).map(([address, length]) => `${address}/${length}`),
  );
  fc.assert(
    fc.property(prefix, (text) => {
      const parsed = parseIpPrefix(text);
      if (parsed) assert.deepEqual(parseIpPrefix(formatIpPrefix(parsed)), parsed);
    }),
  );
});
