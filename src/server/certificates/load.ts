// Reads and checks the certificate files that a configuration names.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '#config/config-schema.ts';
import type { Certificate, ListenerCertificates } from '#model/certificate.ts';
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import { CertificateError, readCertificate } from './read-certificate.ts';

const MAX_FILE_BYTES = 1024 * 1024;

export interface LoadedCertificates {
  readonly certificates: ListenerCertificates;
  /** Non-empty when the certificates cannot be used. */
  readonly problems: readonly ConfigurationProblem[];
  /** One sentence each, on what works today and hardly does what is meant. */
  readonly warnings: readonly string[];
}

/** `file` is the configuration's, which other files are relative to; `now` is in milliseconds since 1970. */
export function loadCertificates(config: Config, file: string | undefined, now: number): LoadedCertificates {
  const folder = dirname(file ?? './configuration');
  const certificates = new Map<string, readonly Certificate[]>();
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  for (const [name, { tls }] of Object.entries(config.listeners)) {
    if (!tls) continue;
    const loaded: Certificate[] = [];
    for (const [i, files] of tls.certificates.entries()) {
      const result = loadOne(folder, files);
      if ('problem' in result) {
        const path = ['listeners', name, 'tls', 'certificates', i, result.part];
        problems.push({ path, message: result.problem });
      } else {
        loaded.push(result);
        warnings.push(...warningsOf(result, `listener ${name}: ${files.cert}`, now));
      }
    }
    certificates.set(name, loaded);
  }
  return { certificates, problems, warnings };
}

interface Files {
  readonly cert: string;
  readonly key: string;
}

interface Unusable {
  readonly part: 'cert' | 'key';
  readonly problem: string;
}

function loadOne(folder: string, files: Files): Certificate | Unusable {
  const texts: string[] = [];
  for (const part of ['cert', 'key'] as const) {
    try {
      texts.push(readText(resolve(folder, files[part])));
    } catch (error) {
      return { part, problem: `${files[part]} ${reasonOf(error as NodeJS.ErrnoException)}` };
    }
  }
  const [chain = '', key = ''] = texts;
  try {
    return readCertificate(chain, key);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { part: error.part, problem: `${files[error.part]} ${error.message}` };
  }
}

function readText(path: string): string {
  const bytes = readFileSync(path);
  if (bytes.length > MAX_FILE_BYTES) throw new Error('is larger than 1 MiB');
  return bytes.toString('latin1');
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist';
  if (error.code === 'EISDIR') return 'is a folder';
  if (error.code === 'EACCES') return 'may not be read: permission denied';
  return error.message;
}

function* warningsOf(certificate: Certificate, which: string, now: number): Generator<string> {
  const { names, notBefore, notAfter } = certificate;
  if (names.length === 0) yield `${which} is for no name: clients take none from the subject`;
  if (now > notAfter) yield `${which} has expired at ${new Date(notAfter).toISOString()}`;
  if (now < notBefore) yield `${which} is not valid before ${new Date(notBefore).toISOString()}`;
}
