// RFC 8446 4.2.3, RFC 8422: what a ClientHello tells of the keys that the client can verify.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientAbilities, type KeyKind } from '#wire/tls/client-abilities.ts';
import { ClientHelloReader } from '#wire/tls/client-hello-reader.ts';
import { opensslHello } from '../support/client-hello.ts';

const KINDS: readonly KeyKind[] = ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'];

async function verifiable(options: Parameters<typeof opensslHello>[0]): Promise<readonly KeyKind[]> {
  const reader = new ClientHelloReader();
  assert.ok(reader.push(await opensslHello(options)));
  const abilities = new ClientAbilities(reader.body);
  return KINDS.filter((kind) => abilities.canVerify(kind));
}

test('a client of TLS 1.3 can verify what its signature algorithms say', async () => {
  assert.deepEqual(await verifiable({ sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256' }), ['ecdsa-p256']);
  assert.deepEqual(await verifiable({ sigalgs: 'ed25519:ECDSA+SHA384' }), ['ecdsa-p384', 'ed25519']);
  assert.deepEqual(await verifiable({ sigalgs: 'RSA-PSS+SHA256' }), []);
});

test('a client of TLS 1.2 needs a cipher suite with ECDSA as well', async () => {
  const old = { maxVersion: 'TLSv1.2', sigalgs: 'ECDSA+SHA256:RSA+SHA256', ecdhCurve: 'P-256' } as const;
  assert.deepEqual(await verifiable({ ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }), ['ecdsa-p256']);
  assert.deepEqual(await verifiable({ ...old, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), []);
});

test('RFC 8422 5.1.1: a client of TLS 1.2 needs the curve of the key among its groups', async () => {
  const old = {
    maxVersion: 'TLSv1.2',
    sigalgs: 'ECDSA+SHA256:ECDSA+SHA384',
    ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  } as const;
  assert.deepEqual(await verifiable({ ...old, ecdhCurve: 'P-384' }), ['ecdsa-p384']);
  assert.deepEqual(await verifiable({ ...old, ecdhCurve: 'P-256:P-384' }), ['ecdsa-p256', 'ecdsa-p384']);
});

test('RFC 8446 4.2.3: with TLS 1.2 the hash of an ECDSA signature says nothing of the curve', async () => {
  const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE+AESGCM', ecdhCurve: 'P-256:P-384' } as const;
  for (const sigalgs of ['ECDSA+SHA256', 'ECDSA+SHA384', 'ECDSA+SHA512'])
    assert.deepEqual(await verifiable({ ...old, sigalgs }), ['ecdsa-p256', 'ecdsa-p384'], sigalgs);
  assert.deepEqual(await verifiable({ ...old, sigalgs: 'RSA+SHA256' }), []);
  assert.deepEqual(await verifiable({ ...old, sigalgs: 'ed25519:RSA+SHA256' }), ['ed25519']);
});

test('a ClientHello without extensions can verify nothing but RSA', () => {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0]),
    Buffer.from([0, 2, 0xc0, 0x2b]),
    Buffer.from([1, 0]),
  ]);
  const abilities = new ClientAbilities(body);
  assert.deepEqual(
    KINDS.filter((kind) => abilities.canVerify(kind)),
    [],
  );
});
