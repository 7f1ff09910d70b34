// The account with an ACME server: its key is kept before it is used, so that no crash leaves an account that nobody can use.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { accountPlace } from '#server/certificates/places.ts';
import type { CertificateStore } from '#server/certificates/store.ts';
import type { Transport } from '#server/certificates/transport.ts';
import { AccountKey } from './account-key.ts';
import { type AccountRequest, AcmeClient } from './acme-client.ts';
import { AcmeError } from './acme-error.ts';

export interface AccountParts {
  readonly directoryUrl: string;
  readonly request: AccountRequest;
  readonly store: CertificateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

interface Kept {
  readonly key: string;
  /** '' until the server has given one. */
  readonly url: string;
  readonly contact: readonly string[];
}

export class Account {
  readonly #parts: AccountParts;
  #opening: Promise<AcmeClient> | undefined = undefined;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** Runs `work` with a client that has an account; once more with a new account when the server does not know the old one. */
  async use<Result>(work: (client: AcmeClient) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const client = await this.#client(signal);
    try {
      return await work(client);
    } catch (error) {
      // A server for tests forgets everything at its end.
      if (!(error instanceof AcmeError) || error.type !== 'accountDoesNotExist') throw error;
      await this.#register(client, signal);
      return await work(client);
    }
  }

  async #client(signal: AbortSignal): Promise<AcmeClient> {
    this.#opening ??= this.#open(signal);
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #open(signal: AbortSignal): Promise<AcmeClient> {
    const { directoryUrl, transport, clock, request } = this.#parts;
    const kept = (await this.#read()) ?? { key: AccountKey.generate().toPem(), url: '', contact: [] };
    const parts = { directoryUrl, transport, clock, key: AccountKey.fromPem(kept.key) };
    if (kept.url === '') await this.#write(kept);
    const client = new AcmeClient(parts, kept.url === '' ? undefined : kept.url);
    if (kept.url === '') await this.#register(client, signal);
    else if (JSON.stringify(kept.contact) !== JSON.stringify(request.contact))
      await this.#changeContact(client, kept, signal);
    return client;
  }

  async #register(client: AcmeClient, signal: AbortSignal): Promise<void> {
    const { directoryUrl, request, log } = this.#parts;
    const directory = await client.directory(signal);
    if (directory.needsBinding && !request.binding)
      throw new Error('the authority wants an account that you have with it: set certificates.acme.eab');
    const url = await client.register(request, signal);
    const kept = await this.#read();
    if (kept) await this.#write({ ...kept, url, contact: request.contact });
    log.info('an ACME account is in use', { directory: directoryUrl, account: url, terms: directory.termsOfService });
  }

  /** RFC 8555 section 7.3.2. */
  async #changeContact(client: AcmeClient, kept: Kept, signal: AbortSignal): Promise<void> {
    const { contact } = this.#parts.request;
    await client.post(kept.url, { contact }, signal);
    await this.#write({ ...kept, contact });
  }

  async #read(): Promise<Kept | undefined> {
    const { store, directoryUrl } = this.#parts;
    const text = await store.read(accountPlace(directoryUrl));
    if (text === undefined) return undefined;
    const { key, url, contact } = JSON.parse(text) as Partial<Kept>;
    if (typeof key !== 'string' || typeof url !== 'string' || !Array.isArray(contact))
      throw new Error(`${accountPlace(directoryUrl)} in ${store.folder} is no account: move it away to get a new one`);
    return { key, url, contact };
  }

  async #write(kept: Kept): Promise<void> {
    const { store, directoryUrl } = this.#parts;
    await store.write(accountPlace(directoryUrl), `${JSON.stringify(kept, undefined, 2)}\n`);
  }
}
