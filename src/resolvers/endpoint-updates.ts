// Who is told of endpoints that were found, and of what hinders finding them: changes are passed on, problems said once.
import type { ResolvedEndpoint, ResolverHost } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';
import { s } from '#schema/blocks.ts';

export const onEmpty = s
  .enum(['keep', 'clear'])
  .default('keep')
  .describe('Whether an answer without endpoints keeps the last ones, or leaves none.');

/** More endpoints than this are counted in the log, not named. */
const MAX_NAMED = 20;

export class EndpointUpdates {
  readonly #host: ResolverHost;
  /** Where endpoints come from, for the log. */
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

  /**
   * Passes endpoints on when they differ from the last ones; none at all only where that is wished, else it returns false.
   * `flaws` says what could not be found or used, if anything.
   */
  take(endpoints: readonly ResolvedEndpoint[], flaws = ''): boolean {
    if (endpoints.length === 0 && (this.#onEmpty === 'keep' || flaws !== '')) {
      this.fail(flaws || 'there is no endpoint');
      return false;
    }
    if (flaws === '') this.confirm();
    else this.#say('some endpoints cannot be found or used', flaws);
    const key = JSON.stringify(endpoints);
    if (key !== this.#last) this.#pass(endpoints);
    this.#last = key;
    return true;
  }

  /** The last endpoints are still right. */
  confirm(): void {
    if (this.#problem === '') return;
    this.#problem = '';
    this.#host.log.info('endpoints can be found again', { source: this.#source });
  }

  /** Endpoints cannot be found: the last ones stay in use. */
  fail(reason: string): void {
    this.#say('endpoints cannot be found; the last ones stay in use', reason);
  }

  #pass(endpoints: readonly ResolvedEndpoint[]): void {
    this.#host.log.info('other endpoints were found', {
      source: this.#source,
      count: endpoints.length,
      endpoints: endpoints.slice(0, MAX_NAMED).map(formatAddress),
    });
    this.#update(endpoints);
  }

  #say(message: string, reason: string): void {
    if (reason === this.#problem) return;
    this.#problem = reason;
    this.#host.log.warn(message, { source: this.#source, reason });
  }
}
