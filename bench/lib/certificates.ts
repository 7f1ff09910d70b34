// Certificates for one run, made by openssl: the same for all peers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const KEY_KINDS = ['ecdsa', 'rsa'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Both in one file. */
  readonly bundle: string;
}

const KEY_OPTIONS: Readonly<Record<KeyKind, readonly string[]>> = {
  ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
};

/** Makes a certificate for all hosts of the benchmarks in `folder`, signed by itself. */
export function makeCertificate(folder: string, kind: KeyKind): CertificateFiles {
  const place = join(folder, `certificate-${kind}`);
  mkdirSync(place, { recursive: true });
  const [cert, key, bundle] = ['cert.pem', 'key.pem', 'bundle.pem'].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  const about = ['-subj', '/CN=example.com', '-addext', 'subjectAltName=DNS:localhost,DNS:*.example.com', '-days', '2'];
  const args = ['req', '-x509', '-nodes', ...KEY_OPTIONS[kind], '-keyout', key, '-out', cert, ...about];
  const made = spawnSync('openssl', args, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
  writeFileSync(bundle, `${readFileSync(cert, 'utf8')}${readFileSync(key, 'utf8')}`);
  return { cert, key, bundle };
}
