// Names in certificates: taken apart without taking a part of one for another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonNameIn, formatDistinguishedName, parseAlternativeNames } from './x509-names.ts';

const namesIn = (text: string) => parseAlternativeNames(text).map(({ type, value }) => `${type}=${value}`);

test('alternative names are told apart by type', () => {
  assert.deepEqual(namesIn('DNS:a.test, IP Address:192.0.2.1, URI:spiffe://a/b, email:x@a.test'), [
    'DNS=a.test',
    'IP Address=192.0.2.1',
    'URI=spiffe://a/b',
    'email=x@a.test',
  ]);
  assert.deepEqual(namesIn('IP Address:2001:DB8:0:0:0:0:0:1'), ['IP Address=2001:DB8:0:0:0:0:0:1']);
  assert.deepEqual(namesIn(''), []);
});

test('a value that looks like several names is one', () => {
  assert.deepEqual(namesIn('URI:"http://a/, DNS:victim.test, x", DNS:b.test'), [
    'URI=http://a/, DNS:victim.test, x',
    'DNS=b.test',
  ]);
  assert.deepEqual(namesIn(String.raw`DNS:"a\"b, DNS:victim.test"`), ['DNS=a"b, DNS:victim.test']);
});

test('a text that is not of that form yields no more names', () => {
  assert.deepEqual(namesIn('DNS:a.test, garbage"x, DNS:victim.test'), ['DNS=a.test']);
});

test('RFC 4514 2.1: a distinguished name is written from its end, in ASCII', () => {
  assert.equal(formatDistinguishedName('C=DE\nO=Example\\, Inc\nCN=alice'), 'CN=alice,O=Example\\, Inc,C=DE');
  assert.equal(formatDistinguishedName('CN=Zoë'), 'CN=Zo\\C3\\AB');
  assert.equal(formatDistinguishedName('O=a\\+ \\+ b + OU=c\nCN=x'), 'CN=x,O=a\\+ \\+ b+OU=c');
  assert.equal(formatDistinguishedName(''), '');
});

test('the common name is without its escapes, and none where there is none', () => {
  assert.equal(commonNameIn('O=x\nCN=Doe\\, Zo\\C3\\AB'), 'Doe, Zoë');
  assert.equal(commonNameIn('CN=first\nCN=last'), 'last');
  assert.equal(commonNameIn('O=a + CN=x'), 'x');
  assert.equal(commonNameIn('O=CN=fake'), '');
});
