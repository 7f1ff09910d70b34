// Names of addresses in the reverse tree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reverseName } from './reverse-name.ts';

test('RFC 1035 3.5: an IPv4 address is named by its octets from the last to the first', () => {
  assert.equal(reverseName('192.0.2.10'), '10.2.0.192.in-addr.arpa');
});

test('RFC 3596 2.5: an IPv6 address is named by its nibbles from the last to the first', () => {
  const expected = 'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
  assert.equal(reverseName('2001:db8::567:89ab'), expected);
});
