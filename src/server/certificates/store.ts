// The folder in which keys and certificates are kept: files that are whole at any moment, and that nobody else may read.
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';

/** Longer than any work under a lock takes: a lock that is older was left by somebody who died. */
const LOCK_LIFE_MS = 15 * 60_000;

/** A temporary file that is older was left by somebody who died. */
const TEMPORARY_LIFE_MS = 60 * 60_000;
const TEMPORARY = '.tmp';

/** Permissions of others than the owner. */
const OTHERS = 0o077;

/** Ends a lock. */
export type Release = () => Promise<void>;

export interface StoreHost {
  readonly log: Log;
  readonly clock: Clock;
}

export class CertificateStore {
  readonly folder: string;
  readonly #host: StoreHost;
  /** What this process holds, by place. */
  readonly #held = new Set<string>();
  #isMade = false;

  /** The folder is made when something is first written. */
  constructor(folder: string, host: StoreHost) {
    this.folder = folder;
    this.#host = host;
  }

  /** The text at a place, a relative path with slashes; `undefined` when there is none. */
  async read(place: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.folder, place), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Replaces the text at a place: a crash at any moment leaves the old one or the new one, and both survive a loss of power. */
  async write(place: string, text: string): Promise<void> {
    const path = join(this.folder, place);
    await this.#makeFolder(dirname(path));
    const temporary = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY}`;
    try {
      await writeWhole(temporary, text);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  }

  async remove(place: string): Promise<void> {
    await rm(join(this.folder, place), { force: true });
  }

  /** Names of the files at a place, in order, without those that are being written. */
  async list(place: string): Promise<readonly string[]> {
    const files = (await this.#entries(place)).filter((entry) => entry.isFile());
    return files.map(({ name }) => name).filter((name) => !name.endsWith(TEMPORARY));
  }

  /** Names of the folders at a place, in order. */
  async folders(place: string): Promise<readonly string[]> {
    return (await this.#entries(place)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async #entries(place: string): Promise<readonly Dirent[]> {
    try {
      const entries = await readdir(join(this.folder, place), { withFileTypes: true });
      return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /**
   * Locks a place against other gateways on the same folder; `undefined` when one of them has it. Two that find the lock of a dead one
   * at the same moment may both get it: it saves work, and nothing may break without it.
   */
  async lock(place: string): Promise<Release | undefined> {
    const path = join(this.folder, `${place}.lock`);
    if (this.#held.has(place)) return undefined;
    this.#held.add(place);
    try {
      await this.#makeFolder(dirname(path));
      if (!(await this.#take(path))) {
        this.#held.delete(place);
        return undefined;
      }
    } catch (error) {
      this.#held.delete(place);
      throw error;
    }
    return async () => {
      this.#held.delete(place);
      await rm(path, { force: true });
    };
  }

  async #take(path: string): Promise<boolean> {
    const own = `${process.pid} ${hostname()}\n`;
    if (await createNew(path, own)) return true;
    if (!(await this.#isAbandoned(path))) return false;
    await rm(path, { force: true });
    return await createNew(path, own);
  }

  async #isAbandoned(path: string): Promise<boolean> {
    try {
      const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
      if (this.#host.clock.wall() - mtimeMs > LOCK_LIFE_MS) return true;
      const [pid = '', host] = text.trim().split(' ');
      // Of this process, and not held: it is of a former life, as in a container whose only process always has the same number.
      return host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid)));
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
  }

  async #makeFolder(path: string): Promise<void> {
    await makeFolders(path);
    if (this.#isMade) return;
    this.#isMade = true;
    await this.#checkPermissions();
    await this.#removeLeftovers();
  }

  async #checkPermissions(): Promise<void> {
    const { mode } = await stat(this.folder);
    if (process.platform === 'win32' || (mode & OTHERS) === 0) return;
    this.#host.log.warn('others may look into the folder of certificates: chmod 700 it', {
      folder: this.folder,
      mode: (mode & 0o777).toString(8),
    });
  }

  /** Temporary files of a process that died while it wrote. */
  async #removeLeftovers(): Promise<void> {
    const entries = await readdir(this.folder, { withFileTypes: true, recursive: true });
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith(TEMPORARY)) continue;
      const path = join(entry.parentPath, entry.name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (this.#host.clock.wall() - mtimeMs > TEMPORARY_LIFE_MS) await rm(path, { force: true });
    }
  }
}

/**
 * Makes a folder, and those that it is in, for the owner alone. It may seem natural to have Node do all of it; however, where nobody can make
 * a folder, as below /proc, that tries for ever.
 */
async function makeFolders(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    await makeFolder(path);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  await withFile(path, async (file) => {
    await file.writeFile(text);
    await file.sync();
  });
}

/** Creates a file for the owner alone; false when there is one. */
async function createNew(path: string, text: string): Promise<boolean> {
  try {
    await withFile(path, (file) => file.writeFile(text));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function withFile(path: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** Makes a rename survive a loss of power. */
async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One that may not be signalled lives.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
