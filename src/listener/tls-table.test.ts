// Which certificates a listener has for a name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Certificate } from '#model/certificate.ts';
import { TlsTable } from './tls-table.ts';

function certificate(fingerprint: string, names: readonly string[], keyType: Certificate['keyType'] = 'rsa') {
  return { fingerprint, names, keyType, chain: '', key: '', notBefore: 0, notAfter: 0, staple: undefined };
}

const pick = (table: TlsTable, name: string) => table.find(name)?.pick(() => true).fingerprint;

test('an exact name stands over a wildcard, which stands for one label and not for its own domain', () => {
  const table = new TlsTable([certificate('wild', ['*.a.test']), certificate('exact', ['b.a.test', 'a.test'])]);
  assert.deepEqual(
    ['c.a.test', 'b.a.test', 'a.test', 'c.b.a.test', 'x.test', '', '.a.test', '*.a.test'].map((name) =>
      pick(table, name),
    ),
    ['wild', 'exact', 'exact', undefined, undefined, undefined, undefined, 'wild'],
  );
});

test('the first of several certificates with the same name and kind of key is taken', () => {
  const table = new TlsTable([certificate('one', ['a.test']), certificate('two', ['a.test', 'b.test'])]);
  assert.deepEqual([pick(table, 'a.test'), pick(table, 'b.test')], ['one', 'two']);
});

test('the standard is the first certificate with those of other keys for its first name, even without a name', () => {
  const named = new TlsTable([certificate('rsa', ['a.test']), certificate('ed', ['a.test'], 'ed25519')]);
  assert.equal(named.standard?.pick(() => true).fingerprint, 'ed');
  assert.equal(named.standard?.pick(() => false).fingerprint, 'rsa');
  assert.equal(new TlsTable([certificate('bare', [])]).standard?.pick(() => false).fingerprint, 'bare');
  assert.equal(new TlsTable([]).standard, undefined);
});

test('a client that can verify none of the kinds gets the last, for OpenSSL to refuse', () => {
  const table = new TlsTable([certificate('ed', ['a.test'], 'ed25519')]);
  assert.equal(table.find('a.test')?.pick(() => false).fingerprint, 'ed');
});
