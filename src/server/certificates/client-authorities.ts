// Reads and checks the files by which listeners judge certificates of clients, or the texts in their place, and notices when files change.
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '#config/config-schema.ts';
import type { Timers } from '#lib/timers.ts';
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import type { ClientAuthorities, ListenerAuthorities } from '#model/tls.ts';
import { FileWatch } from './file-watch.ts';
import { folderOf } from './load.ts';
import { nameOf, pathOf } from './pem-option.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;

const BLOCKS = {
  ca: { name: 'certificate', pattern: /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]+-----/g },
  crl: { name: 'revocation list', pattern: /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g },
} as const;

export interface LoadedAuthorities {
  readonly authorities: ListenerAuthorities;
  /** Absolute, of all files that were read. */
  readonly paths: readonly string[];
  readonly problems: readonly ConfigurationProblem[];
}

/** `file` is the configuration's, which other files are relative to. */
export function loadClientAuthorities(config: Config, file: string | undefined): LoadedAuthorities {
  const authorities = new Map<string, ClientAuthorities>();
  const paths: string[] = [];
  const problems: ConfigurationProblem[] = [];
  for (const [name, { tls }] of Object.entries(config.listeners)) {
    if (!tls?.client) continue;
    const { client } = tls;
    const read = (part: 'ca' | 'crl') =>
      client[part].flatMap((one, i) => {
        const path = pathOf(one, folderOf(file));
        if (path !== undefined) paths.push(path);
        const found = path === undefined ? findBlocks(one, part) : readBlocks(path, part);
        if (typeof found !== 'string') return found;
        problems.push({ path: ['listeners', name, 'tls', 'client', part, i], message: `${nameOf(one)} ${found}` });
        return [];
      });
    authorities.set(name, { ca: read('ca'), crl: read('crl') });
  }
  return { authorities, paths, problems };
}

/** The blocks of PEM in a file, or what is wrong with it: a sentence to follow the file's name. */
function readBlocks(path: string, part: 'ca' | 'crl'): readonly string[] | string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) return 'is larger than 16 MiB';
    return findBlocks(readFileSync(path, 'latin1'), part);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`;
  }
}

/** The same of a text. */
function findBlocks(text: string, part: 'ca' | 'crl'): readonly string[] | string {
  const { name, pattern } = BLOCKS[part];
  const blocks = text.match(pattern) ?? [];
  if (blocks.length === 0) return `holds no ${name} in PEM`;
  const broken = blocks.findIndex((block) => !(part === 'ca' ? isCertificate(block) : isRevocationList(block)));
  return broken < 0 ? blocks : `holds a ${name} that cannot be read, number ${broken + 1}`;
}

function isCertificate(block: string): boolean {
  try {
    new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}

function isRevocationList(block: string): boolean {
  try {
    createSecureContext({ ca: [], crl: block });
    return true;
  } catch {
    return false;
  }
}

/** Calls back when files are not what they were: lists of revoked certificates are replaced all the time. */
export class AuthorityWatch {
  readonly #watch: FileWatch;
  #paths: readonly string[] = [];
  #signature = '';

  constructor(timers: Timers, changed: () => void) {
    this.#watch = new FileWatch(timers, () => {
      const signature = this.#sign();
      if (signature === this.#signature) return;
      this.#signature = signature;
      changed();
    });
  }

  use(paths: readonly string[]): void {
    this.#paths = paths;
    this.#signature = this.#sign();
    this.#watch.use(paths);
  }

  stop(): void {
    this.#watch.stop();
  }

  #sign(): string {
    return this.#paths
      .map((path) => {
        const stats = statSync(path, { throwIfNoEntry: false });
        return stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : 'none';
      })
      .join(' ');
  }
}
