// OCSP responses that are stapled, and those that never may be.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OCSPResponseStatus } from '@peculiar/asn1-ocsp';
import {
  type CheckedResponse,
  checkOcspResponse,
  createOcspRequest,
  mustStaple,
  type Subject,
} from '#server/certificates/ocsp/ocsp-message.ts';
import { type OcspAuthority, type OcspBehaviour, startOcspAuthority } from '../support/ocsp.ts';
import { stop } from '../support/peers.ts';
import { closedPort } from '../support/ports.ts';

const HOUR = 3_600_000;

async function subjectOf(authority: OcspAuthority): Promise<Subject> {
  const { chain } = await authority.issue({ names: ['a.example'] });
  const issuer = new X509Certificate(authority.certificate);
  return { certificate: new X509Certificate(chain), issuer, responder: authority.url };
}

async function check(t: TestContext, behaviour: Partial<OcspBehaviour>): Promise<CheckedResponse> {
  const authority = await startOcspAuthority(t);
  Object.assign(authority.behaviour, behaviour);
  const subject = await subjectOf(authority);
  const response = await authority.answer(createOcspRequest(subject));
  return checkOcspResponse(response, subject, Date.now());
}

test('RFC 6960 3.2: a response that its issuer has signed tells the status and how long it holds', async (t) => {
  const { status, thisUpdate, nextUpdate } = await check(t, {});
  assert.equal(status, 'good');
  assert.equal(nextUpdate - thisUpdate, 4 * HOUR);
  assert.equal((await check(t, { status: 'revoked' })).status, 'revoked');
  assert.equal((await check(t, { status: 'unknown' })).status, 'unknown');
});

test('RFC 6960 4.2.2.2: who has a certificate of the issuer for OCSP signing may sign, nobody else', async (t) => {
  assert.equal((await check(t, { signer: 'delegate' })).status, 'good');
  await assert.rejects(check(t, { signer: 'delegate-without-usage' }), /not signed by the issuer/);
  await assert.rejects(check(t, { signer: 'stranger' }), /not signed by the issuer/);
});

test('RFC 6960 3.2: a response about another certificate is refused', async (t) => {
  await assert.rejects(check(t, { isAboutIt: false }), /about another certificate/);
});

test('RFC 6960 3.2: a response of the future or out of date is refused, a clock that differs a little is not', async (t) => {
  await assert.rejects(check(t, { thisUpdate: HOUR, nextUpdate: 2 * HOUR }), /of the future/);
  await assert.rejects(check(t, { thisUpdate: -2 * HOUR, nextUpdate: -HOUR }), /out of date/);
  assert.equal((await check(t, { thisUpdate: 60_000 })).status, 'good');
});

test('RFC 6960 4.2.2.1: without nextUpdate a response holds for an hour only', async (t) => {
  const { thisUpdate, nextUpdate } = await check(t, { nextUpdate: undefined, thisUpdate: -1000 });
  assert.equal(nextUpdate - thisUpdate, HOUR);
});

test('RFC 6960 4.2.1: a responder that refuses is named by its reason', async (t) => {
  await assert.rejects(check(t, { responseStatus: OCSPResponseStatus.tryLater }), /tryLater/);
});

test('no change of a single byte makes a response say something else', async (t) => {
  const authority = await startOcspAuthority(t);
  authority.behaviour.status = 'revoked';
  const subject = await subjectOf(authority);
  const response = await authority.answer(createOcspRequest(subject));
  for (let at = 0; at < response.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = Uint8Array.from(response);
      changed[at] = (changed[at] ?? 0) ^ bit;
      try {
        assert.equal(checkOcspResponse(changed, subject, Date.now()).status, 'revoked', `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof Error && error.name !== 'AssertionError', `byte ${at}: ${error}`);
      }
    }
  }
});

test('RFC 7633 4: a certificate that must be stapled is known', async (t) => {
  const authority = await startOcspAuthority(t);
  const leaf = async (must: boolean) =>
    new X509Certificate((await authority.issue({ names: ['a.example'], mustStaple: must })).chain);
  assert.equal(mustStaple(await leaf(true)), true);
  assert.equal(mustStaple(await leaf(false)), false);
});

test('the responder of OpenSSL understands the request, and its answer is believed', {
  skip: missingOpenssl(),
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-ocsp-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/O=Tests/CN=Issuer', '-days', '2');
  openssl('req', ...key, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=a.example');
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '0x8a01'];
  openssl('x509', '-req', '-in', 'leaf.csr', ...by, '-days', '1', '-out', 'leaf.pem');
  const leaf = new X509Certificate(spawnSync('cat', ['leaf.pem'], { cwd: folder }).stdout);
  const issuer = new X509Certificate(spawnSync('cat', ['ca.pem'], { cwd: folder }).stdout);
  await writeFile(join(folder, 'index.txt'), 'V\t491231235959Z\t\t8A01\tunknown\t/CN=a.example\n');
  const port = await closedPort();
  const signer = ['-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key'];
  const args = ['ocsp', '-port', String(port), '-index', 'index.txt', ...signer, '-ndays', '1'];
  const responder = spawn('openssl', args, { cwd: folder, stdio: 'ignore' });
  t.after(() => stop(responder));
  const subject = { certificate: leaf, issuer, responder: `http://127.0.0.1:${port}` };
  const ask = () =>
    fetch(`${subject.responder}/`, {
      method: 'POST',
      body: Buffer.from(createOcspRequest(subject)),
      headers: { 'content-type': 'application/ocsp-request' },
    });
  let answer: Response | undefined;
  // It takes one connection after the other: one that only looks whether it listens would keep it busy.
  while (!answer) {
    answer = await ask().catch(() => undefined);
    assert.equal(responder.exitCode, null);
  }
  const response = new Uint8Array(await answer.arrayBuffer());
  assert.equal(checkOcspResponse(response, subject, Date.now()).status, 'good');
});

function missingOpenssl(): string | false {
  const found = spawnSync('openssl', ['version']).status === 0;
  return found || process.env.CI === 'true' ? false : 'openssl is not installed';
}
