// Resolver: a list of endpoints in a file, read again when it changes.
import { readFile, stat } from 'node:fs/promises';
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { MAX_LIST_BYTES, parseEndpointList } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { Rounds } from './rounds.ts';

const options = s.object({
  path: s.string().describe('The file, relative to where the gateway was started. JSON or YAML: a list of endpoints.'),
  interval: s
    .positiveDuration()
    .prefault('1s')
    .describe('How often is looked whether the file has changed; folders on a network tell it in no other way.'),
  'on-empty': onEmpty,
});

export const fileResolver = defineResolver({
  type: 'file',
  summary: 'A list of endpoints in a file, read again when it changes; a file that cannot be used keeps the last list.',
  options: () => options,
  create: (given, host) => new FileResolver(given, host),
});

class FileResolver implements Resolver {
  readonly #options: Output<typeof options>;
  readonly #host: ResolverHost;
  readonly #rounds: Rounds;
  /** Tells one state of the file from another. */
  #seen = '';

  constructor(given: Output<typeof options>, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#rounds = new Rounds(host, { minMs: given.interval, maxMs: given.interval });
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { path, 'on-empty': whenEmpty } = this.#options;
    const updates = new EndpointUpdates(this.#host, path, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#look(updates, signal),
      (reason) => updates.fail(reason),
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #look(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const { path, interval } = this.#options;
    const before = this.#seen;
    // A file that cannot be read is another one when it can be.
    this.#seen = '';
    const { mtimeMs, size, ino } = await stat(path);
    if (size > MAX_LIST_BYTES) throw new Error('it is larger than 16 MiB');
    const state = `${mtimeMs} ${size} ${ino}`;
    const text = state === before ? undefined : await readFile(path, 'utf8');
    this.#seen = state;
    if (text !== undefined && !signal.aborted) updates.take(parseEndpointList(text));
    return interval;
  }
}
