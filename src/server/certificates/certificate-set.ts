// The certificates in use: keeps them fresh, and tells when there are others. Main thread only.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { Certificate, ListenerCertificates } from '#model/certificate.ts';
import type { Challenges } from '#model/challenges.ts';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import type { ProcessMetric } from '#telemetry/prometheus.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import { type CertificateCounts, certificateMetrics, viewCertificates } from './certificate-view.ts';
import { ChallengeBoard } from './challenge-board.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import type { FileSource, Look } from './file-source.ts';
import { FileWatch } from './file-watch.ts';
import {
  certificatesIn,
  createGeneration,
  filesIn,
  type Generation,
  managedIn,
  type Sources,
  type Wanted,
} from './generation.ts';
import { LocalSource } from './local-source.ts';
import type { CertificateSource } from './source.ts';
import { Stapling } from './stapling.ts';
import { removeExpired } from './store-cleanup.ts';
import { arrange, removeUpload, UploadSource, writeUpload } from './uploads.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Files that seem to be half written are looked at again after so long, before anything is said. */
const SECOND_LOOK_MS = 2_000;

export interface CertificateSetHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Resolves when listeners use these for the next handshakes; all listeners with TLS are named. */
  replace(certificates: ListenerCertificates): Promise<void>;
  /** Resolves when every worker answers these challenges. */
  publish(challenges: Challenges): Promise<void>;
}

export class CertificateSet {
  readonly #counts: CertificateCounts = { issued: 0, failed: 0, reloaded: 0, refused: 0 };
  readonly #stapling: Stapling;
  readonly #host: CertificateSetHost;
  readonly #board: ChallengeBoard;
  readonly #expiry: ExpiryWatch;
  readonly #watch: FileWatch;
  #active: Generation | undefined = undefined;
  #prepared: Generation | undefined = undefined;
  #telling: Promise<void> | undefined = undefined;
  #cancelHourly: () => void = () => {};
  /** By `Clock.now`. */
  #cleanedAt = Number.NEGATIVE_INFINITY;
  #cancelSecondLook: () => void = () => {};

  constructor(host: CertificateSetHost) {
    this.#host = host;
    this.#board = new ChallengeBoard((challenges) => host.publish(challenges));
    this.#expiry = new ExpiryWatch(host.clock, host.log);
    this.#watch = new FileWatch(host.timers, () => void this.reloadFiles());
    this.#stapling = new Stapling({
      ...host,
      changed: () => this.#changed(),
      revoked: (certificate) => this.#renewRevoked(certificate),
    });
  }

  /** The certificates for a configuration, as far as there are any; changes nothing. Rejects when they cannot be had. */
  async prepare(wanted: Wanted): Promise<ListenerCertificates> {
    this.#prepared = await createGeneration(wanted, this.#active, {
      ...this.#host,
      board: this.#board,
      changed: () => this.#changed(),
      counted: (result) => void this.#counts[result]++,
    });
    return this.#certificatesOf(this.#prepared.sources);
  }

  /** What was prepared is in use: it is kept fresh from now on. */
  commit(): void {
    const next = this.#prepared;
    if (!next) return;
    const before = this.#active;
    this.#prepared = undefined;
    this.#active = next;
    if (before?.issuer !== next.issuer) before?.issuer?.stop();
    const managed = managedIn(next.sources);
    next.issuer?.keepOnly(managed);
    for (const certificate of managed) certificate.start();
    this.#watch.use(filesIn(next.sources).flatMap(({ paths }) => paths));
    this.#use();
    this.#hourly();
  }

  /** What was prepared comes to nothing. */
  discard(): void {
    const failed = this.#prepared;
    this.#prepared = undefined;
    if (!failed?.issuer) return;
    if (failed.issuer === this.#active?.issuer) failed.issuer.keepOnly(managedIn(this.#active.sources));
    else failed.issuer.stop();
  }

  stop(): void {
    this.#cancelHourly();
    this.#cancelSecondLook();
    this.#watch.stop();
    this.#stapling.stop();
    this.#active?.issuer?.stop();
  }

  /** What listeners have now. */
  get sources(): Sources {
    return this.#active?.sources ?? new Map();
  }

  view(): readonly CertificateStatus[] {
    return viewCertificates(this.sources, this.#stapling);
  }

  metrics(): readonly ProcessMetric[] {
    return certificateMetrics(this.view(), this.#counts);
  }

  get managed(): ReadonlySet<ManagedCertificate> {
    return managedIn(this.sources);
  }

  /** Has a certificate issued on demand, if the name may have one. Resolves with whether all workers have one. */
  async certify(name: string): Promise<boolean> {
    return (await this.#active?.onDemand?.certify(name)) ?? false;
  }

  /** Takes files that have changed; resolves with how many pairs did when those are in use. */
  async reloadFiles(): Promise<number> {
    const looks = filesIn(this.sources).map((source) => source.look());
    if (looks.includes('unusable')) {
      this.#cancelSecondLook();
      this.#cancelSecondLook = this.#host.timers.set(() => void this.checkFiles(), SECOND_LOOK_MS);
    }
    return await this.#took(looks);
  }

  /** The same; what cannot be used is said at once, and returned. */
  async checkFiles(): Promise<readonly FileSource[]> {
    const files = filesIn(this.sources);
    const looks = files.map((source) => source.lookAgain(this.#host.log));
    const unusable = files.filter((_, i) => looks[i] === 'unusable');
    this.#counts.refused += unusable.length;
    await this.#took(looks);
    return unusable;
  }

  /** Puts a pair in use for a listener that has TLS, in place of one of the same name. Rejects with a `CertificateError`. */
  async putUpload(
    listener: string,
    name: string,
    pair: { readonly chain: string; readonly key: string },
  ): Promise<void> {
    if (!this.#active) return;
    const source = await writeUpload(this.#active.store, listener, name, pair);
    await this.#replaceUpload(listener, name, [source]);
  }

  /** Resolves with whether there was one. */
  async removeUpload(listener: string, name: string): Promise<boolean> {
    if (!this.#active || !this.#findUpload(listener, name)) return false;
    await removeUpload(this.#active.store, listener, name);
    await this.#replaceUpload(listener, name, []);
    return true;
  }

  #findUpload(listener: string, name: string): CertificateSource | undefined {
    return this.sources.get(listener)?.find((source) => source instanceof UploadSource && source.name === name);
  }

  async #replaceUpload(listener: string, name: string, next: readonly CertificateSource[]): Promise<void> {
    if (!this.#active) return;
    const former = this.#findUpload(listener, name);
    const others = (this.sources.get(listener) ?? []).filter((source) => source !== former);
    this.#active = { ...this.#active, sources: new Map(this.sources).set(listener, [...others, ...next]) };
    await this.#changed();
  }

  async #took(looks: readonly Look[]): Promise<number> {
    const changed = looks.filter((look) => look === 'changed').length;
    if (changed === 0) return 0;
    this.#counts.reloaded += changed;
    await this.#changed();
    this.#host.log.info('certificates are in use anew, as their files have changed', { certificates: changed });
    return changed;
  }

  /** Tells once, however much has changed at a time; resolves when all workers use it. */
  #changed(): Promise<void> {
    this.#telling ??= Promise.resolve().then(async () => {
      this.#telling = undefined;
      if (!this.#active) return;
      this.#use();
      await this.#host.replace(this.#certificatesOf(this.#active.sources));
    });
    return this.#telling;
  }

  #use(): void {
    const certificates = [...this.sources.values()].flat().flatMap(certificatesIn);
    this.#stapling.use(this.#active?.isStapling ? certificates : []);
    this.#lookAtExpiry();
  }

  #hourly(): void {
    this.#cancelHourly();
    this.#lookAtExpiry();
    if (this.#active?.onDemand?.prune()) this.#active.issuer?.keepOnly(this.managed);
    for (const source of [...this.sources.values()].flat())
      if (source instanceof LocalSource) void this.#refresh(source);
    this.#cancelHourly = this.#host.timers.set(() => this.#hourly(), HOUR_MS);
    void this.#cleanUp();
  }

  /** Once a day is enough for what expired a month ago. */
  async #cleanUp(): Promise<void> {
    const { clock, log } = this.#host;
    const active = this.#active;
    if (!active || clock.now() - this.#cleanedAt < DAY_MS) return;
    this.#cleanedAt = clock.now();
    await removeExpired(active.store, {
      clock,
      log,
      isInUse: (place, fingerprint) => this.#isInUse(place, fingerprint),
    });
  }

  /** Asked anew for each: a reload may come between. */
  #isInUse(place: string, fingerprint: string): boolean {
    const sources = [this.#active, this.#prepared].flatMap((generation) => generation?.sources ?? []);
    return sources.some(
      (own) =>
        [...managedIn(own)].some((managed) => managed.place === place) ||
        [...own.values()]
          .flat()
          .flatMap(certificatesIn)
          .some((certificate) => certificate.fingerprint === fingerprint),
    );
  }

  async #refresh(source: LocalSource): Promise<void> {
    try {
      if (await source.refresh()) await this.#changed();
    } catch (error) {
      this.#host.log.error('a local certificate could not be renewed', { reason: (error as Error).message });
    }
  }

  #lookAtExpiry(): void {
    this.#expiry.look(
      [...this.sources].flatMap(([listener, sources]) =>
        sources.flatMap(certificatesIn).map((certificate) => ({ listener, certificate })),
      ),
    );
  }

  #renewRevoked({ fingerprint }: Certificate): void {
    for (const managed of this.managed) {
      // It says itself what goes wrong.
      if (managed.current?.fingerprint === fingerprint) managed.renew().catch(() => {});
    }
  }

  #certificatesOf(sources: Sources): ListenerCertificates {
    const stapled = (certificate: Certificate) => ({
      ...certificate,
      staple: this.#stapling.staple(certificate.fingerprint),
    });
    return new Map([...sources].map(([name, own]) => [name, arrange(own).flatMap(certificatesIn).map(stapled)]));
  }
}
