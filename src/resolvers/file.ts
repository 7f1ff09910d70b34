// Resolver: a list of endpoints in a file, read again when it changes.
import { readFile, stat } from 'node:fs/promises';
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { ListUpdates, MAX_LIST_BYTES, onEmpty } from './endpoint-list.ts';

const options = s.object({
  path: s.string().describe('The file, relative to where the gateway was started. JSON or YAML: a list of endpoints.'),
  interval: s
    .duration()
    .prefault('1s')
    .describe('How often is looked whether the file has changed; folders on a network tell it in no other way.'),
  'on-empty': onEmpty,
});

export const fileResolver = defineResolver({
  type: 'file',
  summary: 'A list of endpoints in a file, read again when it changes; a file that cannot be used keeps the last list.',
  options,
  create: (given, host) => new FileResolver(given, host),
});

class FileResolver implements Resolver {
  readonly #options: Output<typeof options>;
  readonly #host: ResolverHost;
  #clearTimer: (() => void) | undefined = undefined;
  #stopped = false;
  /** Tells one state of the file from another. */
  #seen = '';

  constructor(given: Output<typeof options>, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { path, 'on-empty': whenEmpty } = this.#options;
    void this.#look(new ListUpdates(this.#host, path, whenEmpty, update));
  }

  stop(): void {
    this.#stopped = true;
    this.#clearTimer?.();
  }

  async #look(updates: ListUpdates): Promise<void> {
    const { path, interval } = this.#options;
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const state = `${mtimeMs} ${size} ${ino}`;
      if (size > MAX_LIST_BYTES) updates.fail('it is larger than 16 MiB');
      else if (state !== this.#seen) {
        const text = await readFile(path, 'utf8');
        this.#seen = state;
        if (!this.#stopped) updates.take(text);
      }
    } catch (error) {
      this.#seen = '';
      updates.fail((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    }
    if (!this.#stopped) this.#clearTimer = this.#host.setTimer(() => void this.#look(updates), interval);
  }
}
