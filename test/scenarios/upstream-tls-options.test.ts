// What is wrong with the options of TLS to endpoints is said with its place and what to write instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileEndpointTls } from '#config/compile-endpoint-tls.ts';
import { checkConfiguration, referencesFor } from '#config/load.ts';
import { ConfigurationError } from '#model/configuration-error.ts';
import { createAuthority } from '../support/certificates.ts';

const authority = createAuthority();
const own = authority.issue({ names: ['gateway.test'] });
const other = authority.issue({ names: ['gateway.test'] });

function upstreamWith(options: object) {
  const configuration = {
    version: 1,
    listeners: { web: { address: '127.0.0.1:0' } },
    routes: [{ match: { path: '/*' }, upstream: 'app' }],
    upstreams: { app: { endpoints: ['127.0.0.1:1'], ...options } },
  };
  const { app } = checkConfiguration(configuration, referencesFor('.', {})).config.upstreams;
  assert.ok(app);
  return app;
}

/** The problems of an upstream with these options. */
function problemsOf(options: object): readonly string[] {
  try {
    upstreamWith(options);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
  }
}

for (const [name, tls, problem] of [
  ['a word', 'yes', 'tls: "yes" is not valid; must be a boolean or a mapping'],
  ['a wrong key', { servername: 'a' }, 'tls.servername: unknown key "servername"; did you mean "server-name"?'],
  [
    'a name with a port',
    { 'server-name': 'a.test:443' },
    'tls.server-name: "a.test:443" is neither a host name nor an IP address',
  ],
  [
    'a file that is not there',
    { ca: 'ca.pem' },
    'tls.ca: the file ca.pem cannot be read; it is relative to the configuration',
  ],
  [
    'a text that is none',
    { ca: 'no\nPEM' },
    'tls.ca: holds no certificate in PEM; name a file that does, such as ca.pem',
  ],
  [
    'a certificate without its key',
    { cert: own.cert },
    'tls.key: is missing; the certificate is of no use without its key',
  ],
  [
    'a key without its certificate',
    { key: own.key },
    'tls.cert: is missing; the key is of no use without its certificate',
  ],
  ['the key of another certificate', { cert: own.cert, key: other.key }, 'tls.key: is not the key of the certificate'],
  [
    'a certificate for a key',
    { cert: own.cert, key: own.cert },
    'tls.key: holds no private key in PEM; name a file that does, such as client.key',
  ],
  [
    'a broken key',
    { cert: own.cert, key: own.key.replace(/\n.{9}/, '\nAAAAAAAAA') },
    'tls.key: the key cannot be read',
  ],
  ['an old version', { 'min-version': '1.1' }, 'tls.min-version: "1.1" is not valid; did you mean "1.2"?'],
  ['ciphers that nobody knows', { ciphers: 'ROT13' }, 'tls.ciphers: OpenSSL knows no cipher suites by "ROT13"'],
  ['a protocol without a name', { alpn: [''] }, 'tls.alpn.0: must have at least 1 character'],
] as const) {
  test(`${name} is refused: ${problem.slice(0, 60)}`, () => {
    assert.deepEqual(problemsOf({ tls }), [problem]);
    if (name !== 'a protocol without a name')
      assert.deepEqual(problemsOf({ health: { type: 'http', tls } }), [`health.${problem}`]);
  });
}

test('the name is server-name, or that of host, or else the endpoint’s own', () => {
  const nameBy = (options: object) =>
    compileEndpointTls(upstreamWith({ tls: true, ...options }))?.endpoint.settings.serverName;
  assert.equal(nameBy({}), undefined);
  assert.equal(nameBy({ host: 'endpoint' }), undefined);
  assert.equal(nameBy({ host: 'App.test:8443' }), 'app.test');
  assert.equal(nameBy({ host: '[::1]:8443' }), '::1');
  assert.equal(nameBy({ host: 'app.test', tls: { 'server-name': 'b.test' } }), 'b.test');
});

test('without tls there is none, and certificates are checked unless that is turned off', () => {
  assert.equal(compileEndpointTls(upstreamWith({})), undefined);
  assert.equal(compileEndpointTls(upstreamWith({ tls: false })), undefined);
  assert.equal(compileEndpointTls(upstreamWith({ tls: {} }))?.endpoint.settings.verify, true);
  assert.equal(compileEndpointTls(upstreamWith({ tls: { verify: false } }))?.endpoint.settings.verify, false);
});
