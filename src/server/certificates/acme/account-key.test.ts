// Signatures of the ACME account, checked with the key that each request names.
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { AccountKey } from './account-key.ts';

const decode = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
const HEADER = { url: 'https://acme.example/order', nonce: 'n1' };

test('RFC 7515 5.1: a request is signed over header and payload with the key whose public half it names', () => {
  const key = AccountKey.generate();
  const body = key.sign(HEADER, undefined, { a: 1 });
  const { alg, jwk, ...rest } = decode(body.protected);
  assert.equal(alg, 'ES256');
  assert.deepEqual(rest, HEADER);
  assert.deepEqual(decode(body.payload), { a: 1 });
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const signature = Buffer.from(body.signature, 'base64url');
  const input = Buffer.from(`${body.protected}.${body.payload}`);
  assert.ok(verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature));
  assert.ok(!('d' in jwk), 'the private half stays here');
});

test('RFC 8555 6.2: with an account its URL stands instead of the key, never both', () => {
  const header = decode(AccountKey.generate().sign(HEADER, 'https://acme.example/acct/1', {}).protected);
  assert.equal(header.kid, 'https://acme.example/acct/1');
  assert.equal(header.jwk, undefined);
});

test('RFC 8555 6.3: a POST-as-GET has an empty payload, and that of an empty object is none', () => {
  const key = AccountKey.generate();
  assert.equal(key.sign(HEADER, 'x', undefined).payload, '');
  assert.equal(Buffer.from(key.sign(HEADER, 'x', {}).payload, 'base64url').toString(), '{}');
});

test('RFC 7638 3.1: the thumbprint is that of the required members in their order', () => {
  // The key of RFC 7515 appendix A.3; its thumbprint was made with another implementation.
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
  };
  const pem = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' }).toString();
  const key = AccountKey.fromPem(pem);
  assert.equal(key.thumbprint, 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U');
  assert.equal(key.authorize('token'), `token.${key.thumbprint}`);
});

test('RFC 8555 7.3.4: a binding is the public key, signed with the secret of the other account', () => {
  const key = AccountKey.generate();
  const secret = Buffer.from('secret').toString('base64url');
  const bound = key.bind('https://acme.example/new-account', 'kid-1', secret);
  assert.deepEqual(decode(bound.protected), { alg: 'HS256', kid: 'kid-1', url: 'https://acme.example/new-account' });
  const { jwk } = decode(key.sign(HEADER, undefined, {}).protected);
  assert.deepEqual(decode(bound.payload), jwk);
  const expected = createHmac('sha256', 'secret').update(`${bound.protected}.${bound.payload}`).digest('base64url');
  assert.equal(bound.signature, expected);
});

test('a key comes back from its PEM; keys on other curves are refused', () => {
  const key = AccountKey.generate();
  assert.equal(AccountKey.fromPem(key.toPem()).thumbprint, key.thumbprint);
  assert.throws(() => AccountKey.fromPem('nothing'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  assert.throws(() => AccountKey.fromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()), /P-256/);
});
