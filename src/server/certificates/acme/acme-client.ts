// Speaks ACME (RFC 8555) with one server for one account: signed requests, nonces, errors that tell when to come back. What to do with
// orders and challenges is in `obtain.ts`.
import type { Clock } from '#lib/clock.ts';
import type { Transport, TransportAnswer } from '#server/certificates/transport.ts';
import type { AccountKey } from './account-key.ts';
import { type AcmeError, acmeError } from './acme-error.ts';
import { type Directory, type RenewalWindow, readDirectory, readRenewalWindow } from './directory.ts';
import { parseRetryAfter } from './retry-after.ts';

/** RFC 8555 section 6.5: a bad nonce says nothing of the request; the answer brings another one to try with. */
const MAX_NONCE_TRIES = 10;
const MAX_NONCES = 16;
/** How long a directory is believed. */
const DIRECTORY_LIFE_MS = 24 * 3_600_000;

export interface AcmeClientParts {
  readonly directoryUrl: string;
  readonly key: AccountKey;
  readonly transport: Transport;
  readonly clock: Clock;
}

export interface AccountRequest {
  readonly contact: readonly string[];
  readonly binding: { readonly keyId: string; readonly hmacKey: string } | undefined;
}

/** A successful answer. */
export interface AcmeAnswer {
  /** JSON that was parsed; `undefined` when it is none. */
  readonly content: unknown;
  readonly text: string;
  readonly location: string | undefined;
  /** When to ask again; 0 when the server does not say. */
  readonly retryAfterMs: number;
}

export class AcmeClient {
  readonly #parts: AcmeClientParts;
  readonly #nonces: string[] = [];
  #directory: Promise<Directory> | undefined = undefined;
  #directoryReadAt = 0;
  #account: string | undefined;

  /** `account` is the URL of the key's account where it is known. */
  constructor(parts: AcmeClientParts, account?: string) {
    this.#parts = parts;
    this.#account = account;
  }

  get account(): string | undefined {
    return this.#account;
  }

  authorize(token: string): string {
    return this.#parts.key.authorize(token);
  }

  async directory(signal: AbortSignal): Promise<Directory> {
    const { clock } = this.#parts;
    if (this.#directory && clock.now() - this.#directoryReadAt < DIRECTORY_LIFE_MS) return await this.#directory;
    this.#directoryReadAt = clock.now();
    const reading = this.#get(this.#parts.directoryUrl, signal).then(({ content }) => readDirectory(content));
    this.#directory = reading;
    try {
      return await reading;
    } catch (error) {
      this.#directory = undefined;
      throw error;
    }
  }

  /** Makes the account of the key, or finds the one it has (RFC 8555 section 7.3). */
  async register({ contact, binding }: AccountRequest, signal: AbortSignal): Promise<string> {
    const { newAccount } = await this.directory(signal);
    const bound = binding && this.#parts.key.bind(newAccount, binding.keyId, binding.hmacKey);
    this.#account = undefined;
    const answer = await this.post(
      newAccount,
      { termsOfServiceAgreed: true, contact, ...(bound && { externalAccountBinding: bound }) },
      signal,
    );
    if (answer.location === undefined) throw new Error('the ACME server gave no URL of the account');
    this.#account = answer.location;
    return answer.location;
  }

  /** A signed request; `undefined` as payload makes a POST-as-GET. Rejects with an `AcmeError` when it is refused. */
  async post(url: string, payload: unknown, signal: AbortSignal): Promise<AcmeAnswer> {
    for (let attempt = 1; ; attempt++) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce(signal));
      const body = JSON.stringify(this.#parts.key.sign({ url, nonce }, this.#account, payload));
      const headers = { 'content-type': 'application/jose+json' };
      const answer = await this.#parts.transport({ method: 'POST', url, headers, body, signal });
      this.#keepNonce(answer);
      if (isSuccess(answer)) return this.#read(answer);
      const error = this.#refusal(answer);
      if (error.type !== 'badNonce' || attempt >= MAX_NONCE_TRIES) throw error;
    }
  }

  /** RFC 9773 section 4.1: asked for without a signature. `undefined` when the server offers none. */
  async renewalWindow(
    certificateId: string,
    signal: AbortSignal,
  ): Promise<{ readonly window: RenewalWindow; readonly retryAfterMs: number } | undefined> {
    const { renewalInfo } = await this.directory(signal);
    if (renewalInfo === undefined) return undefined;
    const answer = await this.#get(`${renewalInfo.replace(/\/$/, '')}/${certificateId}`, signal);
    return { window: readRenewalWindow(answer.content), retryAfterMs: answer.retryAfterMs };
  }

  async #get(url: string, signal: AbortSignal): Promise<AcmeAnswer> {
    const answer = await this.#parts.transport({ method: 'GET', url, signal });
    if (!isSuccess(answer)) throw this.#refusal(answer);
    return this.#read(answer);
  }

  async #newNonce(signal: AbortSignal): Promise<string> {
    const { newNonce } = await this.directory(signal);
    const answer = await this.#parts.transport({ method: 'HEAD', url: newNonce, signal });
    if (!isSuccess(answer)) throw this.#refusal(answer);
    const nonce = nonceOf(answer);
    if (nonce === undefined) throw new Error('the ACME server gave no nonce');
    return nonce;
  }

  #keepNonce(answer: TransportAnswer): void {
    const nonce = nonceOf(answer);
    if (nonce !== undefined && this.#nonces.length < MAX_NONCES) this.#nonces.push(nonce);
  }

  #read(answer: TransportAnswer): AcmeAnswer {
    const text = answer.body.toString('utf8');
    return {
      content: parseJson(text),
      text,
      location: answer.headers.location,
      retryAfterMs: parseRetryAfter(answer.headers['retry-after'], this.#parts.clock.wall()),
    };
  }

  #refusal(answer: TransportAnswer): AcmeError {
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], this.#parts.clock.wall());
    return acmeError(parseJson(answer.body.toString('utf8')), answer.status, retryAfterMs);
  }
}

function isSuccess({ status }: TransportAnswer): boolean {
  return status >= 200 && status < 300;
}

/** RFC 8555 section 6.5.1: "Clients MUST ignore invalid Replay-Nonce values." */
function nonceOf({ headers }: TransportAnswer): string | undefined {
  const nonce = headers['replay-nonce'];
  return typeof nonce === 'string' && /^[A-Za-z0-9_-]+$/.test(nonce) ? nonce : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
