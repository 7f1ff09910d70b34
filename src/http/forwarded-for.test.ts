// X-Forwarded-For: no more of it is believed than trusted proxies vouch for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { chainOfForwarded, clientFromForwardedFor } from './forwarded-for.ts';

const peer = '10.0.0.1';
const isTrusted = (address: string) => address.startsWith('10.') || address === 'fd00::1';
const client = (chain: string) => clientFromForwardedFor(chain, peer, isTrusted);

test('the last member that is not a trusted proxy is the client', () => {
  assert.equal(client('203.0.113.9'), '203.0.113.9');
  assert.equal(client('203.0.113.9, 10.0.0.2, 10.0.0.3'), '203.0.113.9');
});

test('what a client wrote itself in front is not believed', () => {
  assert.equal(client('10.9.9.9, 127.0.0.1, 203.0.113.9'), '203.0.113.9');
  assert.equal(client('198.51.100.1,203.0.113.9,10.0.0.2'), '203.0.113.9');
});

test('when every member is trusted, the first is the client', () => {
  assert.equal(client('10.0.0.4, 10.0.0.3'), '10.0.0.4');
});

test('a member that is no address ends the chain at the proxy that wrote it', () => {
  assert.equal(client('unknown'), peer);
  assert.equal(client(''), peer);
  assert.equal(client('203.0.113.9, unknown, 10.0.0.2'), '10.0.0.2');
  assert.equal(client('203.0.113.9, , 10.0.0.2'), '10.0.0.2');
  assert.equal(client('203.0.113.9, 10.0.0.2,'), peer);
});

test('ports and brackets are taken off', () => {
  assert.equal(client('203.0.113.9:4711'), '203.0.113.9');
  assert.equal(client('[2001:db8::1]:4711'), '2001:db8::1');
  assert.equal(client('[2001:db8::1]'), '2001:db8::1');
  assert.equal(client('2001:db8::1, fd00::1'), '2001:db8::1');
});

test('an address has one form, whatever the proxy writes', () => {
  assert.equal(client('::ffff:203.0.113.9'), '203.0.113.9');
  assert.equal(client('[::FFFF:cb00:7109]:80'), '203.0.113.9');
  assert.equal(client('203.0.113.9, ::ffff:10.0.0.2'), '203.0.113.9');
  assert.equal(client('2001:DB8:0::1'), '2001:db8::1');
  assert.equal(client('fe80::1%eth0'), 'fe80::1');
});

test('text that only looks like an address is none', () => {
  for (const member of [
    '203.0.113.256',
    '203.0.113',
    '1.2.3.4:5:6',
    '[::1',
    '::1]',
    '[1.2.3.4]x',
    '1.2.3.4 5',
    '0x7f.1',
  ]) {
    assert.equal(client(member), peer, member);
  }
});

test('what stands in front of a member that is not trusted changes nothing', () => {
  const member = fc.constantFrom(
    '10.0.0.2',
    '10.0.0.3:80',
    '203.0.113.9',
    '198.51.100.7',
    '[fd00::1]:1',
    'unknown',
    '',
  );
  const members = fc.array(member, { maxLength: 5 });
  fc.assert(
    fc.property(members, members, (before, after) => {
      const chain = ['192.0.2.4', ...after].join(',');
      assert.equal(client([...before, chain].join(',')), client(chain));
    }),
  );
});

test('RFC 7239 4: the chain is read from the for parameters of Forwarded', () => {
  assert.equal(
    chainOfForwarded('for=192.0.2.60;proto=http;by=203.0.113.43, For="[2001:db8:cafe::17]:4711"'),
    '192.0.2.60, [2001:db8:cafe::17]:4711',
  );
  assert.equal(chainOfForwarded('proto=https;host="for=1.2.3.4"'), undefined);
  assert.equal(chainOfForwarded(''), undefined);
});

const forwarded = (value: string) => client(chainOfForwarded(value) ?? '');

test('RFC 7239 4: what stands in a quoted string is no element and no parameter', () => {
  assert.equal(forwarded('for=203.0.113.9;host="a;for=198.51.100.1"'), '203.0.113.9');
  assert.equal(forwarded('for=203.0.113.9;host="a,for=198.51.100.1"'), '203.0.113.9');
  assert.equal(forwarded('for=203.0.113.9;host="a\\",for=198.51.100.1"'), '203.0.113.9');
  assert.equal(forwarded('for=203.0.113.9;host="a\\\\", for=198.51.100.1'), '198.51.100.1');
});

test('what a client wrote in front in Forwarded is not believed, whole or broken', () => {
  for (const front of [
    'for=198.51.100.1',
    'for="198.51.100.1',
    'host="',
    'host="a\\',
    '"',
    '\\',
    'for=198.51.100.1;x="',
    ';;',
    '',
  ]) {
    assert.equal(forwarded(`${front}, for=203.0.113.9;proto=http;host="a"`), '203.0.113.9', front);
    assert.equal(forwarded(`${front}, for="[2001:db8::1]:80"`), '2001:db8::1', front);
  }
});

test('an element of Forwarded that tells no client ends the chain', () => {
  for (const last of [
    'proto=https',
    'for=unknown',
    'for=_hidden',
    'for=203.0.113.9;for=10.0.0.2',
    'for=',
    'for="1.2.3.4, 5.6.7.8"',
    'x',
    '',
  ]) {
    assert.equal(forwarded(`for=198.51.100.1, ${last}`), peer, last);
  }
});

test('an IPv6 address of Forwarded may lack its quotes', () => {
  assert.equal(forwarded('for=[2001:db8::1]:4711;proto=http'), '2001:db8::1');
});
