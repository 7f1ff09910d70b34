// Certificates of listeners while they run: files that change, the local authority, OCSP staples.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { spawnTidegate, startTidegate } from '../support/gateway.ts';
import { startOcspAuthority } from '../support/ocsp.ts';
import { authority, certificateFiles, secureGet } from '../support/tls.ts';

const ROUTES = 'routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]';

function secureListener(certificates: string): string {
  return `
workers: 2
listeners: { secure: { address: '127.0.0.1:0', tls: { certificates: ${certificates} } } }
certificates: { storage: certificates }
${ROUTES}
`;
}

const PAIR = secureListener('[{ cert: site.pem, key: site.key }]');

/** Puts a file in place in one step. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

const READ_AGAIN = 'certificates are in use anew, as their files have changed';

test('a pair that changes on disk is in use for the next handshake, without a reload', async (t) => {
  const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
  const gateway = await startTidegate(t, PAIR, { files });
  const before = await secureGet(gateway.port());
  const folder = dirname(gateway.file);
  const next = authority.issue({ names: ['localhost'] });
  await replace(join(folder, 'site.pem'), next.cert);
  await replace(join(folder, 'site.key'), next.key);
  await gateway.untilLogged(READ_AGAIN);
  const after = await secureGet(gateway.port());
  assert.notEqual(after.fingerprint, before.fingerprint);
  assert.equal(after.body, 'hello');
  assert.equal((await gateway.admin<{ generation: number }>('/status')).generation, 1);
});

test('a pair behind links that are moved on, as of certbot or Kubernetes, is seen as well', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const write = async (name: string) => {
    const { cert, key } = authority.issue({ names: ['localhost'] });
    await writeFile(join(folder, `${name}.pem`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  };
  const link = async (name: string) => {
    for (const end of ['pem', 'key']) {
      await symlink(join(folder, `${name}.${end}`), join(folder, `new.${end}`));
      await rename(join(folder, `new.${end}`), join(folder, `live.${end}`));
    }
  };
  await write('one');
  await link('one');
  const pair = `[{ cert: '${join(folder, 'live.pem')}', key: '${join(folder, 'live.key')}' }]`;
  const gateway = await startTidegate(t, secureListener(pair));
  const before = await secureGet(gateway.port());
  await write('two');
  await link('two');
  await gateway.untilLogged(READ_AGAIN);
  assert.notEqual((await secureGet(gateway.port())).fingerprint, before.fingerprint);
});

test('a pair that cannot be used replaces nothing, is logged once, and the next good one is taken', async (t) => {
  const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
  const gateway = await startTidegate(t, PAIR, { files });
  const before = await secureGet(gateway.port());
  const folder = dirname(gateway.file);
  const next = authority.issue({ names: ['localhost'] });
  // Only half of the pair comes.
  await replace(join(folder, 'site.pem'), next.cert);
  const line = await gateway.untilLogged('changed certificate files cannot be used; the certificate before stays');
  assert.equal(line.problem, 'site.key does not belong to the first certificate of its cert');
  assert.equal((await secureGet(gateway.port())).fingerprint, before.fingerprint);
  await replace(join(folder, 'site.key'), next.key);
  await gateway.untilLogged(READ_AGAIN);
  assert.notEqual((await secureGet(gateway.port())).fingerprint, before.fingerprint);
  assert.equal(gateway.log.filter(({ level }) => level === 'error').length, 1);
});

test('no handshake and no request fails while certificates are swapped', async (t) => {
  const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
  const gateway = await startTidegate(t, PAIR, { files });
  const folder = dirname(gateway.file);
  const swaps = 5;
  let done = false;
  t.after(() => {
    done = true;
  });
  const seen = new Set<string>();
  const client = async () => {
    while (!done) {
      const { body, fingerprint } = await secureGet(gateway.port());
      assert.equal(body, 'hello');
      seen.add(fingerprint);
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (let count = 1; count <= swaps; count++) {
    const next = authority.issue({ names: ['localhost'] });
    await replace(join(folder, 'site.pem'), next.cert);
    await replace(join(folder, 'site.key'), next.key);
    await gateway.until(() => gateway.log.filter(({ msg }) => msg === READ_AGAIN).length === count || undefined);
    while (seen.size <= count) await new Promise(setImmediate);
  }
  done = true;
  await Promise.all(clients);
  assert.equal(seen.size, swaps + 1);
});

test('a reload keeps to what the files hold now', async (t) => {
  const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
  const gateway = await startTidegate(t, PAIR.replace('workers: 2', 'workers: 1'), { files });
  const folder = dirname(gateway.file);
  const next = authority.issue({ names: ['localhost'] });
  await replace(join(folder, 'site.pem'), next.cert);
  await replace(join(folder, 'site.key'), next.key);
  await gateway.untilLogged(READ_AGAIN);
  const { fingerprint } = await secureGet(gateway.port());
  await gateway.write(PAIR.replace('workers: 2', 'workers: 1').replace('hello', 'again'));
  await gateway.untilLogged('configuration is in use');
  assert.equal((await secureGet(gateway.port())).fingerprint, fingerprint);
});

test('local: true gives https://localhost to who trusts the local authority, and it is the same one the next time', async (t) => {
  const text = secureListener('[{ local: true }]');
  const gateway = await startTidegate(t, text);
  const storage = join(dirname(gateway.file), 'certificates');
  const ca = await readFile(join(storage, 'local/tidegate-local-authority.crt'), 'utf8');
  const first = await secureGet(gateway.port(), { ca });
  assert.equal(first.body, 'hello');
  const address = {
    ca,
    servername: '',
    checkServerIdentity: (_: string, peer: tls.PeerCertificate) => tls.checkServerIdentity('127.0.0.1', peer),
  };
  assert.equal((await secureGet(gateway.port(), address)).body, 'hello');
  const again = await startTidegate(t, text.replace('storage: certificates', `storage: '${storage}'`));
  assert.equal((await secureGet(again.port(), { ca })).fingerprint, first.fingerprint);
});

test('a kept certificate that expired long ago, and that nothing names, is removed when the gateway starts', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const { cert, key } = authority.issue({ names: ['old.test'], validForDays: -40 });
  await mkdir(join(folder, 'acme/authority'), { recursive: true });
  await writeFile(join(folder, 'acme/authority/old.test.pem'), key + cert);
  const text = secureListener('[{ local: true }]').replace('storage: certificates', `storage: '${folder}'`);
  const gateway = await startTidegate(t, text);
  const { file } = await gateway.untilLogged(/was removed from the store/);
  assert.equal(file, 'acme/authority/old.test.pem');
  assert.deepEqual(await readdir(join(folder, 'acme/authority')), []);
});

test('further local names are in the certificate as well', async (t) => {
  const gateway = await startTidegate(t, secureListener('[{ local: [shop.localhost, shop.test] }]'));
  const ca = await readFile(join(dirname(gateway.file), 'certificates/local/tidegate-local-authority.crt'), 'utf8');
  for (const servername of ['shop.localhost', 'shop.test', 'localhost'])
    assert.equal((await secureGet(gateway.port(), { ca, servername })).body, 'hello');
});

test('a folder that cannot be used is named when a certificate needs it', async (t) => {
  // A file is where the folder should be.
  const text = secureListener('[{ local: true }]').replace('storage: certificates', 'storage: tidegate.yaml');
  const gateway = await spawnTidegate(t, text);
  assert.equal(await gateway.exit, 69);
  const said = gateway.log.map(({ msg }) => msg).join(' ');
  assert.match(said, /name another one as certificates\.storage: .*tidegate\.yaml/);
});

async function stapleOf(port: number, ca: string): Promise<Buffer | null> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'a.example', ca, requestOCSP: true });
  socket.on('secureConnect', () => socket.destroy());
  const [response] = (await once(socket, 'OCSPResponse')) as [Buffer | null];
  return response;
}

async function startStapled(t: TestContext, options: string) {
  const ocsp = await startOcspAuthority(t);
  const { chain, key } = await ocsp.issue({ names: ['a.example'] });
  const files = { 'site.pem': chain, 'site.key': key };
  const gateway = await startTidegate(t, PAIR.replace('storage: certificates', `storage: certificates${options}`), {
    files,
  });
  return { ocsp, gateway };
}

test('a certificate that names a responder is stapled', async (t) => {
  const { ocsp, gateway } = await startStapled(t, '');
  await gateway.untilLogged('a certificate is stapled');
  const staple = await stapleOf(gateway.port(), ocsp.certificate);
  assert.ok(staple && staple.length > 100);
});

test('without stapling no responder is asked', async (t) => {
  const { ocsp, gateway } = await startStapled(t, ', ocsp-stapling: false');
  assert.equal(await stapleOf(gateway.port(), ocsp.certificate), null);
  assert.deepEqual(ocsp.requests, []);
});

test('a configuration is told what its certificates lack', () => {
  const problems = (certificates: string, section = '{}', listeners = '') => {
    const text = `version: 1
listeners:
  secure: { address: '127.0.0.1:0', tls: { certificates: ${certificates} } }
${listeners}
certificates: ${section}
`;
    try {
      parseConfiguration(text, referencesFor('.', {}));
      return [];
    } catch (error) {
      return (error as { problems: { message: string }[] }).problems.map(({ message }) => message);
    }
  };
  const web = `  web: { address: '127.0.0.1:0' }`;
  const acme = '{ acme: { agree-to-terms: true } }';
  assert.deepEqual(problems('[{ cert: a.pem, key: a.key }, { acme: a.example }, { local: true }]', acme, web), []);
  assert.deepEqual(problems('[{}]'), ['needs exactly one of cert with its key, acme, and local']);
  assert.deepEqual(problems('[{ cert: a.pem, key: a.key, local: true }]'), [
    'needs exactly one of cert with its key, acme, and local',
  ]);
  assert.deepEqual(problems('[{ cert: a.pem }]'), ['needs the key to its cert']);
  assert.deepEqual(problems('[{ key: a.key }]'), ['needs the cert to its key']);
  assert.match(problems('[{ acme: a.example }]')[0] ?? '', /^needs certificates\.acme/);
  assert.match(problems('[{ acme: a.example }]', '{ acme: { agree-to-terms: false } }', web)[0] ?? '', /must be true/);
  assert.match(problems('[{ acme: a.example }]', acme)[0] ?? '', /^http-01 is answered by a listener without tls/);
  assert.match(problems('[{ acme: "*.a.example" }]', acme, web)[0] ?? '', /dns-01 only/);
  assert.match(problems('[{ acme: "a b" }]', acme, web)[0] ?? '', /is no name/);
  assert.match(problems('[{ acme: on-demand }]', acme, web)[0] ?? '', /on-demand needs certificates\.acme\.on-demand/);
  assert.match(problems('[{ local: [www.example.com] }]')[0] ?? '', /is no local name/);
  assert.match(
    problems('[{ acme: a.example }]', '{ acme: { agree-to-terms: true, directory: "http://a.example/" } }', web)[0] ??
      '',
    /no https URL/,
  );
  const unlimited = '{ acme: { agree-to-terms: true, on-demand: {} } }';
  assert.match(problems('[{ acme: on-demand }]', unlimited, web)[0] ?? '', /needs allow or ask/);
});
