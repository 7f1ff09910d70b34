// What resolvers that read lists share: from text to endpoints, and who is told when they change. Not a resolver itself.
import { parse } from 'yaml';
import type { ResolvedEndpoint, ResolverHost } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';
import { s } from '#schema/blocks.ts';
import { endpointListSchema } from '#schema/endpoint-list.ts';

/** An answer larger than this is not looked at. */
export const MAX_LIST_BYTES = 16 * 1024 * 1024;

export const onEmpty = s
  .enum(['keep', 'clear'])
  .default('keep')
  .describe('Whether an empty list keeps the last endpoints, or leaves none.');

/** Reads JSON or YAML. Throws an Error with a sentence that says what is wrong. */
export function parseEndpointList(text: string): readonly ResolvedEndpoint[] {
  const result = endpointListSchema.safeParse(parse(text) ?? []);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(`it is no list of endpoints: ${issue?.path.join('.')} ${issue?.message}`.replace(/ +/g, ' '));
  }
  const seen = new Set<string>();
  for (const endpoint of result.data) {
    const address = formatAddress(endpoint);
    if (seen.has(address)) throw new Error(`it lists ${address} twice`);
    seen.add(address);
  }
  return result.data;
}

/** Passes lists on when they differ from the last one, and holds back empty ones where that is wished. */
export class ListUpdates {
  readonly #host: ResolverHost;
  /** Where lists come from, for the log. */
  readonly #source: string;
  readonly #onEmpty: 'keep' | 'clear';
  readonly #update: (endpoints: readonly ResolvedEndpoint[]) => void;
  #last: string | undefined = undefined;
  /** What was wrong the last time: said once, not at each attempt. */
  #problem = '';

  constructor(
    host: ResolverHost,
    source: string,
    whenEmpty: 'keep' | 'clear',
    update: (endpoints: readonly ResolvedEndpoint[]) => void,
  ) {
    this.#host = host;
    this.#source = source;
    this.#onEmpty = whenEmpty;
    this.#update = update;
  }

  take(text: string): void {
    try {
      const endpoints = parseEndpointList(text);
      if (endpoints.length === 0 && this.#onEmpty === 'keep') {
        this.fail('it lists no endpoint');
        return;
      }
      this.#problem = '';
      const key = JSON.stringify(endpoints);
      if (key === this.#last) return;
      this.#last = key;
      this.#host.log.info('a list has other endpoints', {
        source: this.#source,
        endpoints: endpoints.map(formatAddress),
      });
      this.#update(endpoints);
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  /** The list cannot be had: the last one stays in use. */
  fail(reason: string): void {
    if (reason === this.#problem) return;
    this.#problem = reason;
    this.#host.log.warn('a list of endpoints cannot be used; the last one stays in use', {
      source: this.#source,
      reason,
    });
  }
}
