// Notices that files may have changed, by the system's watches, and by looking now and then where those see nothing.
import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Timers } from '#lib/timers.ts';

/** A pair is written in several steps: a change counts when it has been quiet for so long. */
const SETTLE_MS = 200;
/** Network file systems tell of no change; and a folder may be replaced under a watch. */
const LOOK_MS = 60_000;

export class FileWatch {
  readonly #timers: Timers;
  readonly #changed: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #cancelSettle: () => void = () => {};
  #cancelLook: () => void = () => {};

  /** `changed` is called when any of the files may have changed. */
  constructor(timers: Timers, changed: () => void) {
    this.#timers = timers;
    this.#changed = changed;
  }

  /** Watches these files, and no others any more. */
  use(paths: readonly string[]): void {
    const folders = new Set(paths.flatMap(foldersOf));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watch(folder);
    this.#cancelLook();
    if (paths.length > 0) this.#lookLater();
  }

  stop(): void {
    this.use([]);
    this.#cancelSettle();
  }

  #watch(folder: string): void {
    try {
      // The folder and not the file, as files are replaced rather than written into, or stand behind links that are.
      const watcher = watch(folder, { persistent: false }, () => this.#settle());
      watcher.on('error', () => watcher.close());
      this.#watchers.set(folder, watcher);
    } catch {
      // Without a watch there is the look now and then.
    }
  }

  #settle(): void {
    this.#cancelSettle();
    this.#cancelSettle = this.#timers.set(() => this.#changed(), SETTLE_MS);
  }

  #lookLater(): void {
    this.#cancelLook = this.#timers.set(() => {
      this.#changed();
      this.#lookLater();
    }, LOOK_MS);
  }
}

/** Of the file, and of what it links to. */
function foldersOf(path: string): readonly string[] {
  try {
    return [dirname(path), dirname(realpathSync(path))];
  } catch {
    return [dirname(path)];
  }
}
