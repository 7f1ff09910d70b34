// Which kinds of keys a client can verify, as its ClientHello tells: what a server with several of them chooses by.
import { Vector } from './vector.ts';

/** The kinds of keys that not every client knows; RSA is what all others fall back to. */
export type KeyKind = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'ed25519';

interface KeyDemand {
  /** What TLS 1.3 signs with such a key (RFC 8446 4.2.3). */
  readonly scheme: number;
  /** The curve of the key among the supported groups, which TLS 1.2 goes by (RFC 8422 5.1.1); 0 for none. */
  readonly group: number;
}

const DEMANDS: Readonly<Record<KeyKind, KeyDemand>> = {
  'ecdsa-p256': { scheme: 0x0403, group: 23 },
  'ecdsa-p384': { scheme: 0x0503, group: 24 },
  'ecdsa-p521': { scheme: 0x0603, group: 25 },
  ed25519: { scheme: 0x0807, group: 0 },
};

/** Extension types. */
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const SUPPORTED_VERSIONS = 43;

const TLS_1_3 = 0x0304;

/**
 * What TLS 1.2 signs with any ECDSA key. RFC 8446 4.2.3: its pairs of hash and signature "did not constrain the signing curve. If TLS 1.2 is
 * negotiated, implementations MUST be prepared to accept a signature that uses any curve that they advertised".
 */
const ECDSA_PAIRS: readonly number[] = [0x0403, 0x0503, 0x0603];

/** Suites of TLS 1.2 that authenticate by ECDSA or EdDSA (RFC 5289, 7905, 8422): those with AEAD first, then the older ones. */
const ECDSA_SUITES: readonly number[] = [0xc02b, 0xc02c, 0xcca9, 0xc023, 0xc024, 0xc009, 0xc00a];

const NOTHING = Buffer.alloc(0);

export class ClientAbilities {
  readonly #suites: Buffer;
  readonly #schemes: Buffer;
  readonly #groups: Buffer;
  readonly #versions: Buffer;

  /** Reads a ClientHello without its header that `parseClientHello` has taken. */
  constructor(body: Buffer) {
    const message = new Vector(body);
    message.skip(2 + 32);
    message.vector(1);
    this.#suites = message.vector(2).rest();
    message.vector(1);
    const found = new Map<number, Buffer>();
    const extensions = message.length === 0 ? undefined : message.vector(2);
    while (extensions && extensions.length > 0) found.set(extensions.uint(2), extensions.vector(2).rest());
    // Behind the length of each list.
    this.#schemes = (found.get(SIGNATURE_ALGORITHMS) ?? NOTHING).subarray(2);
    this.#groups = (found.get(SUPPORTED_GROUPS) ?? NOTHING).subarray(2);
    this.#versions = (found.get(SUPPORTED_VERSIONS) ?? NOTHING).subarray(1);
  }

  /** Whether a handshake can be had with such a key, whichever version it becomes. */
  canVerify(kind: KeyKind): boolean {
    const { scheme, group } = DEMANDS[kind];
    if (includes(this.#versions, TLS_1_3)) return includes(this.#schemes, scheme);
    if (!includesAny(this.#suites, ECDSA_SUITES)) return false;
    if (group === 0) return includes(this.#schemes, scheme);
    return includes(this.#groups, group) && includesAny(this.#schemes, ECDSA_PAIRS);
  }
}

function includesAny(list: Buffer, values: readonly number[]): boolean {
  return values.some((value) => includes(list, value));
}

/** Whether a list of 16-bit numbers holds one. */
function includes(list: Buffer, value: number): boolean {
  for (let at = 0; at + 1 < list.length; at += 2) if (list.readUInt16BE(at) === value) return true;
  return false;
}
