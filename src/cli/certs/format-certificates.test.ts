// The table of `tidegate certs list`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import { formatCertificates } from './format-certificates.ts';

const NOW = Date.UTC(2026, 0, 1);

const ISSUED: CertificateStatus = {
  listener: 'secure',
  source: 'acme',
  upload: null,
  names: ['a.example', 'b.example', 'c.example', 'd.example'],
  issuer: 'R10',
  keyType: 'ecdsa',
  fingerprint: '00',
  notBefore: '2025-12-01T00:00:00.000Z',
  notAfter: '2026-03-01T00:00:00.000Z',
  stapledUntil: '2026-01-03T00:00:00.000Z',
  ocsp: 'good',
  nextRenewal: '2026-02-01T04:05:06.000Z',
  problem: '',
};

test('a line has names, issuer, expiry, staple and next renewal', () => {
  const [, line = ''] = formatCertificates([ISSUED], NOW).split('\n');
  assert.equal(
    line.replace(/ {2,}/g, ' | '),
    'secure | acme | a.example b.example c.example +1 | R10 | ecdsa | 2026-03-01 (59 days) | stapled | 2026-02-01 04:05',
  );
});

test('one that is missing, expired or failing says so', () => {
  const missing = {
    ...ISSUED,
    notAfter: null,
    issuer: null,
    keyType: null,
    stapledUntil: null,
    ocsp: null,
    problem: 'no answer in time',
  };
  assert.match(formatCertificates([missing], NOW), /not issued yet .* no answer in time/);
  assert.match(
    formatCertificates([{ ...ISSUED, notAfter: '2025-12-31T00:00:00.000Z' }], NOW),
    /2025-12-31 \(expired\)/,
  );
  assert.match(formatCertificates([{ ...ISSUED, source: 'upload', upload: 'www' }], NOW), /upload www/);
  assert.equal(formatCertificates([], NOW), 'no listener has TLS\n');
});
