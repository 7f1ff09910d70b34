// The policy that lets in by certificate: of each list one entry must fit, and a certificate that is not accepted is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import type { ClientCertificate, TlsFacts } from '#model/tls.ts';
import { clientCertificate } from './client-certificate.ts';

const FINGERPRINT = 'ab'.repeat(32);

const alice: ClientCertificate = {
  subject: 'CN=alice,O=Example',
  issuer: 'CN=Clients',
  commonName: 'alice',
  names: ['alice.clients.test', 'spiffe://Clients/alice', 'Alice@clients.test', '192.0.2.1'],
  hostNames: ['alice.clients.test'],
  fingerprint: FINGERPRINT,
  serialNumber: '01',
  der: new Uint8Array(),
  issuers: [],
};

/** The consumer when the client is let in; else the reason why not. */
function outcome(options: object, client: ClientCertificate | undefined, clientProblem = ''): string {
  const facts: TlsFacts = {
    version: 'TLSv1.3',
    cipher: '',
    alpn: '',
    serverName: '',
    resumed: false,
    clientAsked: true,
    covers: () => true,
    client,
    clientProblem,
  };
  const exchange = createTestExchange();
  Object.assign(exchange.connection, { tls: facts });
  const handler = clientCertificate.create(clientCertificate.options.parse(options), createTestHost());
  try {
    handler(() => createTestResponse())(exchange);
    return `in ${exchange.consumer}`;
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    assert.equal(error.status, 403);
    return error.message;
  }
}

for (const [options, expected] of [
  [{}, 'in '],
  [{ subjects: ['CN=alice,O=Example'] }, 'in '],
  [{ subjects: ['CN=alice'] }, 'the certificate of CN=alice,O=Example is in none of subjects'],
  [{ 'common-names': ['bob', 'alice'] }, 'in '],
  [{ 'common-names': ['Alice'] }, 'the certificate of CN=alice,O=Example is in none of common-names'],
  [{ names: ['*.Clients.test'] }, 'in '],
  [{ names: ['*.test'] }, 'the certificate of CN=alice,O=Example is in none of names'],
  [{ names: ['spiffe://Clients/alice'] }, 'in '],
  [{ names: ['spiffe://clients/alice'] }, 'the certificate of CN=alice,O=Example is in none of names'],
  [{ names: ['Alice@clients.test'] }, 'in '],
  [{ names: ['192.0.2.1'] }, 'in '],
  [{ fingerprints: ['AB:'.repeat(31).concat('AB')] }, 'in '],
  [{ fingerprints: ['cd'.repeat(32)] }, 'the certificate of CN=alice,O=Example is in none of fingerprints'],
  [{ issuers: ['CN=Clients'] }, 'in '],
  [{ issuers: [] }, 'the certificate of CN=alice,O=Example is in none of issuers'],
  [{ 'common-names': ['alice'], issuers: ['CN=Other'] }, 'the certificate of CN=alice,O=Example is in none of issuers'],
  [{ consumer: 'subject' }, 'in CN=alice,O=Example'],
  [{ consumer: 'common-name' }, 'in alice'],
  [{ consumer: 'name' }, 'in alice.clients.test'],
  [{ consumer: 'fingerprint' }, `in ${FINGERPRINT}`],
] as const) {
  test(`client-certificate ${JSON.stringify(options).slice(0, 60)}: ${expected.slice(0, 70)}`, () => {
    assert.equal(outcome(options, alice), expected);
  });
}

test('RFC 5280 4.2.1.6: a mail address or a URI is no host name, and a host name none of them', () => {
  const eve: ClientCertificate = {
    ...alice,
    names: ['eve@mail.clients.test', 'spiffe://eve.clients.test', 'eve.clients.test', 'spiffe://clients/alice'],
    hostNames: ['spiffe://clients/alice'],
  };
  for (const name of ['*.clients.test', '*.mail.clients.test', 'eve.clients.test', 'spiffe://clients/alice'])
    assert.match(outcome({ names: [name] }, eve), /is in none of names$/, name);
});

test('client-certificate refuses a client without a certificate, unless none is required', () => {
  assert.equal(outcome({}, undefined), 'the client has shown no certificate');
  assert.equal(outcome({ required: false, consumer: 'subject' }, undefined), 'in ');
  assert.equal(
    outcome({ required: false, subjects: ['CN=bob'] }, alice),
    'the certificate of CN=alice,O=Example is in none of subjects',
  );
});

test('client-certificate refuses a client whose certificate is not accepted, also where none is required', () => {
  for (const required of [true, false])
    assert.equal(outcome({ required }, undefined, 'CERT_HAS_EXPIRED'), 'CERT_HAS_EXPIRED');
});
