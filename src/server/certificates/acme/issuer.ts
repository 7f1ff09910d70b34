// Everything by ACME of one configuration: its account, its solver, its certificates. Loads large libraries, and so is itself loaded
// only where a configuration wants it.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { ChallengeBoard } from '#server/certificates/challenge-board.ts';
import type { KeyType } from '#server/certificates/key-type.ts';
import { issuedPlace } from '#server/certificates/places.ts';
import type { CertificateStore } from '#server/certificates/store.ts';
import { createTransport } from '#server/certificates/transport.ts';
import type { CertificateAndKey } from '#server/certificates/x509.ts';
import { Account } from './account.ts';
import type { AccountRequest } from './acme-client.ts';
import { adviceFor } from './advice.ts';
import { ManagedCertificate, type ManagedHost } from './managed-certificate.ts';
import { obtain } from './obtain.ts';
import type { ChallengeType, Solver } from './solver.ts';
import { type DnsOptions, dns01, http01, tlsAlpn01 } from './solvers.ts';

/** Orders under way at a time: authorities have limits of their own, and proofs are in nobody's way. */
const MAX_ORDERS = 4;
/** For one order, whatever the server and the hook do. */
const ORDER_TIMEOUT_MS = 10 * 60_000;

export interface AcmeSettings {
  readonly directoryUrl: string;
  readonly account: AccountRequest;
  /** Authorities that the server itself is trusted by, in PEM; `undefined` for those of the system. */
  readonly authorities: string | undefined;
  readonly challenge: ChallengeType;
  readonly dns: DnsOptions | undefined;
  readonly keyType: KeyType;
  readonly profile: string;
  /** Share of the lifetime after which a certificate is renewed, where the server suggests nothing. */
  readonly renewAt: number;
}

export interface IssuerHost {
  readonly store: CertificateStore;
  readonly board: ChallengeBoard;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** There is another certificate; resolves when it is in use. */
  changed(): Promise<void>;
  counted(result: 'issued' | 'failed'): void;
}

export class AcmeIssuer {
  readonly settings: AcmeSettings;
  readonly #host: IssuerHost;
  readonly #account: Account;
  readonly #solver: Solver;
  readonly #certificates = new Map<string, ManagedCertificate>();
  readonly #abort = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(settings: AcmeSettings, host: IssuerHost) {
    this.settings = settings;
    this.#host = host;
    this.#solver = createSolver(settings, host);
    this.#account = new Account({
      directoryUrl: settings.directoryUrl,
      request: settings.account,
      transport: createTransport(settings.authorities),
      ...host,
    });
  }

  /** The one for these names, loaded from the store and not started when it is new. */
  async certificate(names: readonly string[]): Promise<ManagedCertificate> {
    const place = issuedPlace(this.settings.directoryUrl, names, this.settings.keyType);
    const found = this.#certificates.get(place);
    if (found) return found;
    const certificate = new ManagedCertificate(names, place, this.#managedHost(names));
    this.#certificates.set(place, certificate);
    await certificate.load();
    return certificate;
  }

  /** Stops what is not among these. */
  keepOnly(kept: ReadonlySet<ManagedCertificate>): void {
    for (const [place, certificate] of this.#certificates) {
      if (kept.has(certificate)) continue;
      certificate.stop();
      this.#certificates.delete(place);
    }
  }

  /** Ends what is under way. */
  stop(): void {
    this.keepOnly(new Set());
    this.#abort.abort(new Error('the gateway no longer wants it'));
  }

  #managedHost(names: readonly string[]): ManagedHost {
    const { settings } = this;
    const host = this.#host;
    return {
      ...host,
      changed: () => host.changed(),
      counted: (result) => host.counted(result),
      advise: (error) => adviceFor(error, settings.challenge),
      obtain: (replaces) => this.#inTurn(() => this.#obtain(names, replaces)),
      watch: {
        ...host,
        share: settings.renewAt,
        useClient: (work) => this.#account.use(work, this.#abort.signal),
      },
    };
  }

  async #obtain(names: readonly string[], replaces: string): Promise<CertificateAndKey> {
    const { keyType, profile } = this.settings;
    const timeout = AbortSignal.timeout(ORDER_TIMEOUT_MS);
    const signal = AbortSignal.any([this.#abort.signal, timeout]);
    try {
      return await this.#account.use(
        (client) =>
          obtain({ names, keyType, profile, replaces }, { client, solver: this.#solver, ...this.#host }, signal),
        signal,
      );
    } catch (error) {
      throw timeout.aborted ? new Error(`the order was not done in ${ORDER_TIMEOUT_MS / 60_000} minutes`) : error;
    }
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= MAX_ORDERS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}

function createSolver({ challenge, dns }: AcmeSettings, host: IssuerHost): Solver {
  if (challenge === 'http-01') return http01(host);
  if (challenge === 'tls-alpn-01') return tlsAlpn01(host);
  if (!dns) throw new RangeError('dns-01 needs a hook');
  return dns01(dns, host);
}
