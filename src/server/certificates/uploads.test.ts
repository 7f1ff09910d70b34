// Where uploaded certificates stand among those of the configuration.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Certificate } from '#model/certificate.ts';
import { isUploadName, uploadFolder } from './places.ts';
import type { CertificateSource } from './source.ts';
import { arrange, UploadSource } from './uploads.ts';

const certificate = (...names: string[]) => ({ names }) as unknown as Certificate;

function configured(...names: string[]): CertificateSource {
  const state = { names, certificate: certificate(...names), nextRenewal: undefined, problem: '' };
  return { type: 'file', states: () => [state] };
}

const order = (sources: readonly CertificateSource[]) =>
  arrange(sources).map((source) => (source instanceof UploadSource ? source.name : source.states()[0]?.names[0]));

test('an upload stands before the first certificate that has one of its names', () => {
  const upload = new UploadSource('up', certificate('b.example', 'x.example'));
  assert.deepEqual(order([configured('a.example'), configured('b.example'), upload]), ['a.example', 'up', 'b.example']);
});

test('an upload for other names stands behind all, and so changes nothing for clients without a name', () => {
  const upload = new UploadSource('up', certificate('c.example'));
  assert.deepEqual(order([configured('a.example'), upload, configured('b.example')]), ['a.example', 'b.example', 'up']);
});

test('names of uploads are safe names of files, and listeners cannot lead elsewhere', () => {
  for (const name of ['www', 'a.example-2026', 'A_1', 'x']) assert.ok(isUploadName(name), name);
  for (const name of ['', '.', '..', '.hidden', 'a/b', '../x', 'a ', 'a.', 'x'.repeat(101)])
    assert.ok(!isUploadName(name), name);
  for (const listener of ['..', '../../etc', 'a/b', '/', ''])
    assert.match(uploadFolder(listener), /^uploads\/[a-z0-9.-]*-[0-9a-f]{12}$/);
  assert.notEqual(uploadFolder('a/b'), uploadFolder('a-b'));
});
