// Prefix sets and maps against the platform's BlockList and a search through all prefixes.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { PrefixMap, PrefixSet } from './prefix-set.ts';

test('a set holds the addresses of its prefixes, first and last included', () => {
  const set = new PrefixSet(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);
  for (const inside of [
    '10.0.0.0',
    '10.255.255.255',
    '192.0.2.1',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
  ]) {
    assert.equal(set.has(inside), true, inside);
  }
  for (const outside of ['9.255.255.255', '11.0.0.0', '192.0.2.0', '192.0.2.2', '2001:db7::1', '2001:db9::', '::1']) {
    assert.equal(set.has(outside), false, outside);
  }
});

test('an IPv4 client on an IPv6 socket is found under its IPv4 address', () => {
  assert.equal(new PrefixSet(['10.0.0.0/8']).has('::ffff:10.1.2.3'), true);
});

test('the whole of one address family holds nothing of the other', () => {
  assert.equal(new PrefixSet(['0.0.0.0/0']).has('2001:db8::1'), false);
  assert.equal(new PrefixSet(['::/0']).has('10.0.0.1'), false);
  assert.equal(new PrefixSet(['0.0.0.0/0']).has('10.0.0.1'), true);
});

test('an empty set holds nothing, and nothing holds what is no address', () => {
  assert.equal(new PrefixSet([]).has('10.0.0.1'), false);
  for (const text of ['', 'x', '10.0.0.0/8', 'unix:'])
    assert.equal(new PrefixSet(['0.0.0.0/0', '::/0']).has(text), false);
});

test('what is no prefix throws a RangeError', () => {
  assert.throws(() => new PrefixSet(['10.0.0.0/33']), RangeError);
});

test('the longest prefix that holds an address decides', () => {
  const map = new PrefixMap<string>();
  map.add('10.1.0.0/16', 'middle');
  map.add('0.0.0.0/0', 'widest');
  map.add('10.1.2.3/32', 'one');
  assert.equal(map.get('10.1.2.3'), 'one');
  assert.equal(map.get('10.1.2.4'), 'middle');
  assert.equal(map.get('10.2.0.0'), 'widest');
  assert.equal(map.get('::1'), undefined);
});

test('of equal prefixes the first stays', () => {
  const map = new PrefixMap<number>();
  map.add('10.0.0.0/8', 1);
  map.add('10.9.9.9/8', 2);
  assert.equal(map.get('10.0.0.1'), 1);
});

interface Address {
  readonly kind: 'ipv4' | 'ipv6';
  readonly text: string;
}

interface Prefix extends Address {
  readonly length: number;
}

/** Few distinct bits, so that prefixes hold each other and addresses often meet them. */
const byte = fc.constantFrom(0, 1, 127, 128, 255);
const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'));
const ipv6 = fc.array(byte, { minLength: 7, maxLength: 7 }).map((groups) => `2001:${groups.join(':')}`);
const address: fc.Arbitrary<Address> = fc.oneof(
  ipv4.map((text): Address => ({ kind: 'ipv4', text })),
  ipv6.map((text): Address => ({ kind: 'ipv6', text })),
);
const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(address, fc.nat(128))
  .map(([one, bits]) => ({ ...one, length: one.kind === 'ipv4' ? bits % 33 : bits }));

/** Whether the platform finds the address in the prefix; it would find IPv4 in `::/0`, where families are kept apart here. */
function holds({ kind, text, length }: Prefix, address: Address): boolean {
  const list = new net.BlockList();
  list.addSubnet(text, length, kind);
  return address.kind === kind && list.check(address.text, kind);
}

test('a set holds an address when the platform finds it in one of the prefixes', () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 8 }), address, (prefixes, wanted) => {
      const set = new PrefixSet(prefixes.map(({ text, length }) => `${text}/${length}`));
      assert.equal(
        set.has(wanted.text),
        prefixes.some((one) => holds(one, wanted)),
      );
    }),
  );
});

test('a map finds what a search through all prefixes finds', () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 8 }), address, (prefixes, wanted) => {
      const map = new PrefixMap<number>();
      for (const one of prefixes) map.add(`${one.text}/${one.length}`, one.length);
      const lengths = prefixes.filter((one) => holds(one, wanted)).map((one) => one.length);
      assert.equal(map.get(wanted.text), lengths.length === 0 ? undefined : Math.max(...lengths));
    }),
  );
});
