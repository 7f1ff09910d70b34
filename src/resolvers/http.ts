// Resolver: a list of endpoints at a URL, asked for again and again, with the validator of the last answer (RFC 9110 13.1.2).
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { ListUpdates, MAX_LIST_BYTES, onEmpty } from './endpoint-list.ts';

const options = s.object({
  url: s
    .checked((text) => (URL.canParse(text) && /^https?:/.test(text) ? undefined : `"${text}" is no http or https URL`))
    .describe('Where the list is: JSON or YAML, a list of endpoints or an object with one as endpoints.'),
  interval: s.duration().prefault('10s').describe('Between an answer and the next question.'),
  timeout: s
    .duration()
    .prefault('5s')
    .describe('How long an answer may take; longer for servers that answer when something has changed (long polling).'),
  headers: s.record(s.fieldValue()).default({}).describe('Fields of the request by name, such as Authorization.'),
  'on-empty': onEmpty,
});

export const httpResolver = defineResolver({
  type: 'http',
  summary:
    'A list of endpoints at a URL, asked for again and again; an answer that cannot be used keeps the last list.',
  options,
  create: (given, host) => new HttpResolver(given, host),
});

class HttpResolver implements Resolver {
  readonly #options: Output<typeof options>;
  readonly #host: ResolverHost;
  readonly #abort = new AbortController();
  #clearTimer: (() => void) | undefined = undefined;
  #validator: string | null = null;

  constructor(given: Output<typeof options>, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { url, 'on-empty': whenEmpty } = this.#options;
    void this.#round(new ListUpdates(this.#host, url, whenEmpty, update));
  }

  stop(): void {
    this.#abort.abort();
    this.#clearTimer?.();
  }

  async #round(updates: ListUpdates): Promise<void> {
    const stopped = this.#abort.signal;
    try {
      await this.#ask(updates);
    } catch (error) {
      if (!stopped.aborted) updates.fail(reasonOf(error));
    }
    if (!stopped.aborted)
      this.#clearTimer = this.#host.setTimer(() => void this.#round(updates), this.#options.interval);
  }

  async #ask(updates: ListUpdates): Promise<void> {
    const { url, timeout, headers } = this.#options;
    const response = await fetch(url, {
      headers: { accept: 'application/json', ...headers, ...(this.#validator && { 'if-none-match': this.#validator }) },
      redirect: 'error',
      signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeout)]),
    });
    if (response.status === 304) {
      await response.body?.cancel();
      return;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    const text = await readBounded(response);
    this.#validator = response.headers.get('etag');
    updates.take(text);
  }
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_LIST_BYTES) throw new Error('the answer is larger than 16 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string } };
  return name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? message);
}
