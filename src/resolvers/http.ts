// Resolver: a list of endpoints at a URL, asked for again and again, with the validator of the last answer (RFC 9110 13.1.2).
import { defineResolver, type ResolvedEndpoint, type Resolver, type ResolverHost } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { parseEndpointList } from './endpoint-list.ts';
import { EndpointUpdates, onEmpty } from './endpoint-updates.ts';
import { HttpClient, serverUrl, successful, tlsFiles } from './http-client.ts';
import { RECONNECT, Rounds } from './rounds.ts';

const options = s.object({
  url: serverUrl().describe('Where the list is: JSON or YAML, a list of endpoints or an object with one as endpoints.'),
  interval: s
    .positiveDuration()
    .prefault('10s')
    .describe('Between an answer and the next question; short, such as 100ms, for long polling.'),
  timeout: s
    .positiveDuration()
    .prefault('5s')
    .describe('How long an answer may take; longer for servers that answer when something has changed (long polling).'),
  headers: s.record(s.fieldValue()).default({}).describe('Fields of the request by name, such as Authorization.'),
  tls: tlsFiles.prefault({}).describe('Files for TLS, where the URL is https.'),
  'on-empty': onEmpty,
});

export const httpResolver = defineResolver({
  type: 'http',
  summary:
    'A list of endpoints at a URL, asked for again and again; an answer that cannot be used keeps the last list.',
  options: () => options,
  create: (given, host) => new HttpResolver(given, host),
});

class HttpResolver implements Resolver {
  readonly #options: Output<typeof options>;
  readonly #host: ResolverHost;
  readonly #client: HttpClient;
  readonly #rounds: Rounds;
  #validator: string | undefined = undefined;

  constructor(given: Output<typeof options>, host: ResolverHost) {
    this.#options = given;
    this.#host = host;
    this.#client = new HttpClient(host, given.url, given.tls);
    const { interval } = given;
    // With long polling the next question follows at once, but not after a failure.
    this.#rounds = new Rounds(host, interval < RECONNECT.minMs ? RECONNECT : { minMs: interval, maxMs: interval });
  }

  start(update: (endpoints: readonly ResolvedEndpoint[]) => void): void {
    const { url, 'on-empty': whenEmpty } = this.#options;
    const { origin, pathname } = new URL(url);
    // Without the query, which may hold a key.
    const updates = new EndpointUpdates(this.#host, `${origin}${pathname}`, whenEmpty, update);
    this.#rounds.start(
      (signal) => this.#ask(updates, signal),
      (reason) => updates.fail(reason),
    );
  }

  stop(): void {
    this.#rounds.stop();
  }

  async #ask(updates: EndpointUpdates, signal: AbortSignal): Promise<number> {
    const { timeout, headers, interval } = this.#options;
    const validator = this.#validator === undefined ? {} : { 'if-none-match': this.#validator };
    const request = { target: '', headers: { ...headers, ...validator }, timeoutMs: timeout, signal };
    const answer = await this.#client.ask(request);
    if (answer.status === 304) {
      updates.confirm();
      return interval;
    }
    const endpoints = parseEndpointList(successful(answer).text);
    this.#validator = updates.take(endpoints) ? answer.headers.etag : undefined;
    return interval;
  }
}
