// Host names against patterns, and against the names of certificates.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCertificateNames, compileHostPatterns } from './host-patterns.ts';

const HOSTS = ['a.test', 'b.a.test', 'c.b.a.test', 'ba.test', 'test', '', '.a.test', '192.0.2.1'];

test('a pattern with *. is for all names below, and not for its own domain', () => {
  const isOne = compileHostPatterns(['*.a.test', 'test']);
  assert.deepEqual(HOSTS.filter(isOne), ['b.a.test', 'c.b.a.test', 'test']);
});

test('without patterns all hosts fit', () => {
  assert.deepEqual(HOSTS.filter(compileHostPatterns([])), HOSTS);
});

test('RFC 9525 6.3: in a certificate *. is for names with one label more', () => {
  assert.deepEqual(HOSTS.filter(compileCertificateNames(['*.a.test', '192.0.2.1'])), ['b.a.test', '192.0.2.1']);
});
