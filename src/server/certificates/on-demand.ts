// Certificates that are issued when the first client asks for their name: for names that are allowed, and not more than so many.
import { isIP } from 'node:net';
import type { OnDemandConfig } from '#config/certificates-schema.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { TokenBucket } from '#lib/token-bucket.ts';
import type { AcmeIssuer } from './acme/issuer.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import { stateOf } from './acme-source.ts';
import { onDemandPlace } from './places.ts';
import type { CertificateSource, SourceState } from './source.ts';
import type { CertificateStore } from './store.ts';
import type { Transport } from './transport.ts';

const ASK_TIMEOUT_MS = 5_000;
/** Questions and orders under way at a time; a name beyond is refused for now. */
const MAX_PENDING = 32;
const LIMIT_NOTICE_MS = 60_000;

export interface OnDemandHost {
  readonly issuer: Pick<AcmeIssuer, 'certificate' | 'settings'>;
  readonly store: CertificateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

export class OnDemand implements CertificateSource {
  readonly type = 'on-demand';
  readonly config: OnDemandConfig;
  readonly #host: OnDemandHost;
  readonly #bucket: TokenBucket;
  readonly #certificates = new Map<string, ManagedCertificate>();
  readonly #pending = new Map<string, Promise<boolean>>();
  /** By `Clock.now`: when a limit was told of last. */
  readonly #limitedAt = new Map<string, number>();

  private constructor(config: OnDemandConfig, host: OnDemandHost) {
    this.config = config;
    this.#host = host;
    const { count, perMs } = config.rate;
    this.#bucket = new TokenBucket(host.clock, (count * 1000) / perMs, Math.max(1, Math.floor(count)));
  }

  /** With the certificates of the store whose names are still allowed by the configuration. */
  static async open(config: OnDemandConfig, host: OnDemandHost): Promise<OnDemand> {
    const opened = new OnDemand(config, host);
    for (const name of await opened.#readNames()) {
      if (!opened.#isListed(name) || opened.#certificates.size >= config.max) continue;
      const certificate = await host.issuer.certificate([name]);
      if (certificate.current) opened.#certificates.set(name, certificate);
    }
    return opened;
  }

  get managed(): readonly ManagedCertificate[] {
    return [...this.#certificates.values()];
  }

  states(): readonly SourceState[] {
    return this.managed.map(stateOf);
  }

  /** Has a certificate for the name issued, if it may have one. Resolves with whether there is one; never rejects. */
  certify(name: string): Promise<boolean> {
    const pending = this.#pending.get(name);
    if (pending !== undefined) return pending;
    if (this.#certificates.get(name)?.current) return Promise.resolve(true);
    if (this.#pending.size >= MAX_PENDING) return Promise.resolve(false);
    const next = this.#certify(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, next);
    return next;
  }

  /** Gives up those that have expired, as they could not be renewed; they may be asked for again. Returns whether there were any. */
  prune(): boolean {
    const expired = this.managed.filter(({ names: [name = ''], current }) => !current && !this.#pending.has(name));
    for (const { names } of expired) this.#certificates.delete(names[0] ?? '');
    return expired.length > 0;
  }

  async #certify(name: string): Promise<boolean> {
    const { log } = this.#host;
    try {
      const refusal = await this.#refusal(name);
      if (refusal !== undefined) {
        // Anybody can have us refuse names, as many as they like.
        log.debug('a name gets no certificate on demand', { name, reason: refusal });
        return false;
      }
      return await this.#issue(name);
    } catch (error) {
      log.error('a certificate on demand failed', { name, reason: (error as Error).message });
      return false;
    }
  }

  /** Why the name gets none; `undefined` when it may have one. */
  async #refusal(name: string): Promise<string | undefined> {
    if (isIP(name) !== 0 || !isDomainName(name)) return 'it is no domain name';
    if (!this.#isListed(name)) return 'certificates.acme.on-demand.allow does not list it';
    if (this.#certificates.size >= this.config.max) return this.#limited('max');
    const answer = await this.#ask(name);
    if (answer !== undefined) return answer;
    return this.#bucket.take() ? undefined : this.#limited('rate');
  }

  /** Says now and then that a limit is reached. */
  #limited(option: 'max' | 'rate'): string {
    const { clock, log } = this.#host;
    const reason = `more are asked for than certificates.acme.on-demand.${option} allows`;
    const now = clock.now();
    if (now - (this.#limitedAt.get(option) ?? Number.NEGATIVE_INFINITY) >= LIMIT_NOTICE_MS) {
      this.#limitedAt.set(option, now);
      log.warn('names get no certificates on demand', { reason });
    }
    return reason;
  }

  #isListed(name: string): boolean {
    const { allow, ask } = this.config;
    if (allow.length === 0) return ask !== undefined;
    return allow.some((pattern) => (pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern));
  }

  async #ask(name: string): Promise<string | undefined> {
    const { ask } = this.config;
    if (ask === undefined) return undefined;
    const url = new URL(ask);
    url.searchParams.set('domain', name);
    try {
      const { status } = await this.#host.transport({
        method: 'GET',
        url: url.href,
        signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
      });
      return status >= 200 && status < 300 ? undefined : `certificates.acme.on-demand.ask has answered ${status}`;
    } catch (error) {
      return `certificates.acme.on-demand.ask cannot be asked: ${(error as Error).message}`;
    }
  }

  async #issue(name: string): Promise<boolean> {
    const certificate = await this.#host.issuer.certificate([name]);
    // Before it is there, so that what is in use is told with it.
    this.#certificates.set(name, certificate);
    try {
      await certificate.issue();
    } catch {
      // It has said itself what went wrong.
      this.#certificates.delete(name);
      return false;
    }
    certificate.start();
    await this.#writeNames();
    return true;
  }

  async #readNames(): Promise<readonly string[]> {
    const { store, issuer } = this.#host;
    const text = await store.read(onDemandPlace(issuer.settings.directoryUrl));
    return (text ?? '').split('\n').filter(isDomainName);
  }

  async #writeNames(): Promise<void> {
    const { store, issuer } = this.#host;
    await store.write(onDemandPlace(issuer.settings.directoryUrl), `${[...this.#certificates.keys()].join('\n')}\n`);
  }
}

/** What an authority that is worth its name issues for: at least two labels, in lower case. */
function isDomainName(name: string): boolean {
  return name.length <= 253 && /^(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)(?!\d+$)[a-z0-9-]{1,63}(?<!-)$/.test(name);
}
