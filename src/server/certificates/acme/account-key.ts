// The key of an ACME account: signs requests as RFC 8555 section 6.2 and RFC 7515 want them.
import { createHash, createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** The flattened JSON serialisation of RFC 7515 section 7.2.2. */
export interface SignedBody {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** In the order of RFC 7638 section 3.2, so that its JSON is what the thumbprint is made of. */
interface PublicJwk {
  readonly crv: string;
  readonly kty: string;
  readonly x: string;
  readonly y: string;
}

export class AccountKey {
  readonly #key: KeyObject;
  readonly #jwk: PublicJwk;

  private constructor(key: KeyObject) {
    const { crv, kty, x, y } = key.export({ format: 'jwk' });
    if (crv !== 'P-256' || kty !== 'EC' || x === undefined || y === undefined)
      throw new Error('the key of an ACME account must be one on the curve P-256');
    this.#key = key;
    this.#jwk = { crv, kty, x, y };
  }

  static generate(): AccountKey {
    return new AccountKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  }

  /** Throws when the text is no such key. */
  static fromPem(pem: string): AccountKey {
    return new AccountKey(createPrivateKey(pem));
  }

  toPem(): string {
    return this.#key.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** RFC 7638. */
  get thumbprint(): string {
    return createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url');
  }

  /** RFC 8555 section 8.1. */
  authorize(token: string): string {
    return `${token}.${this.thumbprint}`;
  }

  /** `account` is its URL; without one the public key itself is sent. A payload of `undefined` makes a POST-as-GET. */
  sign(
    header: { readonly url: string; readonly nonce: string },
    account: string | undefined,
    payload: unknown,
  ): SignedBody {
    const identity = account === undefined ? { jwk: this.#jwk } : { kid: account };
    const signed = signingInput({ alg: 'ES256', ...identity, ...header }, payload);
    const signature = sign('sha256', Buffer.from(`${signed.protected}.${signed.payload}`), {
      key: this.#key,
      dsaEncoding: 'ieee-p1363',
    });
    return { ...signed, signature: signature.toString('base64url') };
  }

  /** Binds this key to an account with the provider outside of ACME: RFC 8555 section 7.3.4. */
  bind(url: string, keyId: string, hmacKey: string): SignedBody {
    const signed = signingInput({ alg: 'HS256', kid: keyId, url }, this.#jwk);
    const hmac = createHmac('sha256', Buffer.from(hmacKey, 'base64url'));
    return { ...signed, signature: hmac.update(`${signed.protected}.${signed.payload}`).digest('base64url') };
  }
}

function signingInput(header: unknown, payload: unknown): Pick<SignedBody, 'protected' | 'payload'> {
  return { protected: encode(header), payload: payload === undefined ? '' : encode(payload) };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
