// Certificate files as a configuration names them: what is read, what is refused, what is warned of.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { loadCertificates } from '#server/certificates/load.ts';
import { authority } from '../support/tls.ts';

const site = authority.issue({ names: ['site.test', '*.Wild.test', '192.0.2.7'] });
const { privateKey: otherKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encrypted = otherKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();

/** Loads the certificate of one listener whose files hold these texts; one that is left out does not exist. */
async function load(t: TestContext, texts: { readonly cert?: string; readonly key?: string }, now = Date.now()) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  if (texts.cert !== undefined) await writeFile(join(folder, 'site.pem'), texts.cert);
  if (texts.key !== undefined) await writeFile(join(folder, 'site.key'), texts.key);
  const { config } = parseConfiguration(
    "version: 1\nlisteners: { web: { address: '127.0.0.1:0', tls: { certificates: [{ cert: site.pem, key: site.key }] } } }",
    referencesFor('.', {}),
  );
  return loadCertificates(config, join(folder, 'tidegate.yaml'), now);
}

test('a certificate is read with its names, its key and its time', async (t) => {
  const { files, problems, warnings } = await load(t, site);
  assert.deepEqual([problems, warnings], [[], []]);
  const [certificate] = files.get('web') ?? [];
  assert.deepEqual(certificate?.names, ['site.test', '*.wild.test', '192.0.2.7']);
  assert.equal(certificate?.keyType, 'ecdsa');
  assert.match(certificate?.fingerprint ?? '', /^[0-9a-f]{64}$/);
});

test('RSA and Ed25519 can be used too', async (t) => {
  for (const keyType of ['rsa', 'ed25519'] as const) {
    const { files } = await load(t, authority.issue({ names: ['a.test'], keyType }));
    assert.equal(files.get('web')?.[0]?.keyType, keyType);
  }
});

for (const [what, texts, part, message] of [
  ['a file that is missing', { cert: site.cert }, 'key', 'site.key does not exist'],
  ['a certificate that is none', { ...site, cert: 'x' }, 'cert', 'site.pem holds no certificate in PEM'],
  ['a key in place of the certificate', { ...site, cert: site.key }, 'cert', 'site.pem holds no certificate in PEM'],
  ['a certificate in place of the key', { ...site, key: site.cert }, 'key', 'site.key holds no private key in PEM'],
  [
    'a key of another certificate',
    { ...site, key: authority.key },
    'key',
    'site.key does not belong to the first certificate of its cert',
  ],
  [
    'an encrypted key',
    { ...site, key: encrypted },
    'key',
    'site.key is encrypted, and nobody can be asked for its password',
  ],
  [
    'a chain that begins with the authority',
    { ...site, cert: authority.cert + site.cert },
    'key',
    'site.key does not belong to the first certificate of its cert, but to a later one, which has to come first',
  ],
] as const) {
  test(`${what} is refused, and the option named`, async (t) => {
    const { problems } = await load(t, texts);
    assert.deepEqual(problems, [{ path: ['listeners', 'web', 'tls', 'certificates', 0, part], message }]);
  });
}

test('a certificate that is damaged is refused', async (t) => {
  const { problems } = await load(t, { ...site, cert: site.cert.replace(/\n.{10}/, '\nAAAAAAAAAA') });
  assert.match(problems[0]?.message ?? '', /^site\.pem cannot be read: /);
});

test('a certificate that has expired, or is not valid yet, is warned of and used', async (t) => {
  const day = 86_400_000;
  const late = await load(t, site, Date.now() + 30 * day);
  assert.match(late.warnings.join(), /^listener web: site\.pem expired at /);
  assert.equal(late.files.get('web')?.length, 1);
  const early = await load(t, site, Date.now() - 30 * day);
  assert.match(early.warnings.join(), /^listener web: site\.pem is not valid before /);
});

test('a chain with a certificate that issued none before it is warned of', async (t) => {
  const stranger = authority.issue({ names: ['b.test'] });
  const { files, warnings } = await load(t, { ...site, cert: site.cert + stranger.cert });
  assert.match(warnings.join(), /^listener web: site\.pem has a certificate that issued none before it/);
  assert.equal(files.get('web')?.length, 1);
  const whole = await load(t, { ...site, cert: site.cert + authority.cert });
  assert.deepEqual(whole.warnings, []);
});

test('a certificate for no name is warned of', async (t) => {
  const { warnings } = await load(t, { cert: authority.cert, key: authority.key });
  assert.match(warnings.join(), /site\.pem is for no name/);
});

/** Loads the certificate of one listener given by these options, beside files of the same name. */
async function loadGiven(t: TestContext, cert: string, key: string, texts = site) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'site.pem'), texts.cert);
  await writeFile(join(folder, 'site.key'), texts.key);
  const file = join(folder, 'tidegate.yaml');
  const { config } = parseConfiguration(
    `version: 1\nlisteners: { web: { address: '127.0.0.1:0', tls: { certificates: [{ cert: '${cert}', key: '${key}' }] } } }`,
    referencesFor(file, { SITE_KEY: site.key }),
  );
  return loadCertificates(config, file, Date.now());
}

test('a certificate and its key may be given as texts, both or one of them', async (t) => {
  for (const [cert, key] of [
    ['${file:site.pem}', '${file:site.key}'],
    ['site.pem', '${env:SITE_KEY}'],
    ['${file:site.pem}', 'site.key'],
  ] as const) {
    const { files, problems } = await loadGiven(t, cert, key);
    assert.deepEqual(problems, []);
    assert.deepEqual(files.get('web')?.[0]?.names, ['site.test', '*.wild.test', '192.0.2.7']);
  }
});

test('what is wrong with a text is said without the text', async (t) => {
  const { problems } = await loadGiven(t, 'site.pem', '${file:site.key}', { ...site, key: encrypted });
  assert.deepEqual(
    problems.map(({ path, message }) => [path.at(-1), message]),
    [['key', 'the text is encrypted, and nobody can be asked for its password']],
  );
});
