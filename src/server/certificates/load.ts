// Reads and checks the certificates that a configuration names by their files, or holds.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '#config/config-schema.ts';
import type { Certificate } from '#model/certificate.ts';
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import { nameOf, pathOf } from './pem-option.ts';
import { CertificateError, isChain, readCertificate } from './read-certificate.ts';

const MAX_FILE_BYTES = 1024 * 1024;

export interface LoadedCertificates {
  /** By listener, in the place of their entry; `undefined` where no files are named. */
  readonly files: ReadonlyMap<string, readonly (Certificate | undefined)[]>;
  /** What `certificates.acme.ca` holds. */
  readonly authorities: string | undefined;
}

export interface LoadResult extends LoadedCertificates {
  /** Non-empty when the certificates cannot be used. */
  readonly problems: readonly ConfigurationProblem[];
  /** One sentence each, on what works today and hardly does what is meant. */
  readonly warnings: readonly string[];
}

/** `file` is the configuration's, which other files are relative to; `now` is in milliseconds since 1970. */
export function loadCertificates(config: Config, file: string | undefined, now: number): LoadResult {
  const folder = folderOf(file);
  const byListener = new Map<string, readonly (Certificate | undefined)[]>();
  const problems: ConfigurationProblem[] = [];
  const warnings: string[] = [];
  for (const [name, { tls }] of Object.entries(config.listeners)) {
    const loaded = (tls?.certificates ?? []).map((entry, i) => {
      const files = filesOf(entry);
      if (!files) return undefined;
      const result = loadPair(folder, files);
      if ('problem' in result) {
        const path = ['listeners', name, 'tls', 'certificates', i, result.part];
        problems.push({ path, message: result.problem });
        return undefined;
      }
      warnings.push(...warningsOf(result, `listener ${name}: ${nameOf(files.cert)}`, now));
      return result;
    });
    if (tls) byListener.set(name, loaded);
  }
  return { files: byListener, authorities: loadAuthorities(config, folder, problems), problems, warnings };
}

/** Where relative paths in a configuration begin. */
export function folderOf(file: string | undefined): string {
  return dirname(file ?? './configuration');
}

/** `undefined` for an entry that names none. */
export function filesOf({
  cert,
  key,
}: {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}): CertificateFiles | undefined {
  return cert !== undefined && key !== undefined ? { cert, key } : undefined;
}

function loadAuthorities(config: Config, folder: string, problems: ConfigurationProblem[]): string | undefined {
  const file = config.certificates.acme?.ca;
  if (file === undefined) return undefined;
  const path = ['certificates', 'acme', 'ca'];
  try {
    const text = readText(folder, file);
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
    problems.push({ path, message: `${nameOf(file)} holds no certificate in PEM` });
  } catch (error) {
    problems.push({ path, message: `${nameOf(file)} ${reasonOf(error as NodeJS.ErrnoException)}` });
  }
  return undefined;
}

/** Each a path, relative to the folder of the configuration, or the text itself: see `pem-option.ts`. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Why a pair cannot be used: which part, and a sentence that begins with its file. */
export interface Unusable {
  readonly part: 'cert' | 'key';
  readonly problem: string;
}

/** Reads a pair and checks it. */
export function loadPair(folder: string, files: CertificateFiles): Certificate | Unusable {
  const texts: string[] = [];
  for (const part of ['cert', 'key'] as const) {
    try {
      texts.push(readText(folder, files[part]));
    } catch (error) {
      return { part, problem: `${nameOf(files[part])} ${reasonOf(error as NodeJS.ErrnoException)}` };
    }
  }
  const [chain = '', key = ''] = texts;
  try {
    return readCertificate(chain, key);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { part: error.part, problem: `${nameOf(files[error.part])} ${error.message}` };
  }
}

function readText(folder: string, option: string): string {
  const path = pathOf(option, folder);
  if (path === undefined) return option;
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
  const { names, chain, notBefore, notAfter } = certificate;
  if (names.length === 0) yield `${which} is for no name: clients take none from the subject`;
  if (!isChain(chain))
    yield `${which} has a certificate that issued none before it: each of an authority comes behind what it has issued`;
  if (now > notAfter) yield `${which} expired at ${new Date(notAfter).toISOString()}`;
  if (now < notBefore) yield `${which} is not valid before ${new Date(notBefore).toISOString()}`;
}
