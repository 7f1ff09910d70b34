// All certificates of the gateway: finds them for a configuration, keeps them fresh while it is in use, and tells when there are others.
// Main thread only.
import { join, resolve } from 'node:path';
import type { Config } from '#config/config-schema.ts';
import type { Clock } from '#lib/clock.ts';
import { LOCALHOST_NAMES } from '#lib/local-names.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { Certificate, ListenerCertificates } from '#model/certificate.ts';
import type { Challenges } from '#model/challenges.ts';
import { stateFolder } from '#server/state-folder.ts';
import type { AcmeIssuer } from './acme/issuer.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import { acmeSettings } from './acme-settings.ts';
import { AcmeSource } from './acme-source.ts';
import { ChallengeBoard } from './challenge-board.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import { FileSource } from './file-source.ts';
import { FileWatch } from './file-watch.ts';
import { filesOf, folderOf, type LoadedCertificates } from './load.ts';
import { LocalAuthority } from './local-authority.ts';
import { LocalSource } from './local-source.ts';
import { OnDemand } from './on-demand.ts';
import type { CertificateSource } from './source.ts';
import { Stapling } from './stapling.ts';
import { CertificateStore } from './store.ts';
import { createTransport } from './transport.ts';

const HOUR_MS = 3_600_000;
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

type Sources = ReadonlyMap<string, readonly CertificateSource[]>;

/** What belongs to one configuration. */
interface Generation {
  readonly sources: Sources;
  readonly store: CertificateStore;
  readonly issuer: AcmeIssuer | undefined;
  readonly onDemand: OnDemand | undefined;
  readonly stapling: boolean;
}

export interface CertificateCounts {
  issued: number;
  failed: number;
  reloaded: number;
  refused: number;
}

export class CertificateSet {
  readonly counts: CertificateCounts = { issued: 0, failed: 0, reloaded: 0, refused: 0 };
  readonly #host: CertificateSetHost;
  readonly #board: ChallengeBoard;
  readonly #expiry: ExpiryWatch;
  readonly #watch: FileWatch;
  readonly #stapling: Stapling;
  #active: Generation | undefined = undefined;
  #prepared: Generation | undefined = undefined;
  #telling: Promise<void> | undefined = undefined;
  #cancelHourly: () => void = () => {};
  #cancelSecondLook: () => void = () => {};

  constructor(host: CertificateSetHost) {
    this.#host = host;
    this.#board = new ChallengeBoard((challenges) => host.publish(challenges));
    this.#expiry = new ExpiryWatch(host.clock, host.log);
    this.#watch = new FileWatch(host.timers, () => this.reloadFiles());
    this.#stapling = new Stapling({
      ...host,
      changed: () => this.#changed(),
      revoked: (certificate) => this.#renewRevoked(certificate),
    });
  }

  /** The certificates for a configuration, as far as there are any; changes nothing. Rejects when they cannot be had. */
  async prepare(config: Config, loaded: LoadedCertificates, file: string | undefined): Promise<ListenerCertificates> {
    const folder = folderOf(file);
    const store = this.#storeFor(config, folder);
    const issuer = await this.#issuerFor(config, loaded, store);
    const onDemand = issuer && (await this.#onDemandFor(config, issuer, store));
    let authority: Promise<LocalAuthority> | undefined;
    const create = async (name: string, index: number): Promise<CertificateSource> => {
      const entry = config.listeners[name]?.tls?.certificates[index] ?? {};
      const files = filesOf(entry);
      const certificate = loaded.files.get(name)?.[index];
      if (files && certificate) return new FileSource(folder, files, certificate);
      if (issuer && Array.isArray(entry.acme)) return new AcmeSource(await issuer.certificate(entry.acme));
      if (onDemand && entry.acme === 'on-demand') return onDemand;
      authority ??= LocalAuthority.open(store, this.#host.clock);
      const further = Array.isArray(entry.local) ? entry.local : [];
      return await LocalSource.create(await authority, [...new Set([...LOCALHOST_NAMES, ...further])]);
    };
    const sources = new Map<string, readonly CertificateSource[]>();
    try {
      for (const [name, entries] of loaded.files)
        sources.set(name, await Promise.all(entries.map((_, index) => create(name, index))));
    } catch (error) {
      throw storageError(error, store);
    }
    this.#prepared = { sources, store, issuer, onDemand, stapling: config.certificates['ocsp-stapling'] };
    return this.#certificatesOf(sources);
  }

  /** What was prepared is in use: it is kept fresh from now on. */
  commit(): void {
    const next = this.#prepared;
    if (!next) return;
    const before = this.#active;
    this.#prepared = undefined;
    this.#active = next;
    if (before?.issuer !== next.issuer) before?.issuer?.stop();
    const managed = managedOf(next.sources);
    next.issuer?.keepOnly(managed);
    for (const certificate of managed) certificate.start();
    this.#watch.use(filesIn(next.sources).flatMap(({ paths }) => paths));
    this.#use();
    this.#cancelHourly();
    this.#hourly();
  }

  /** What was prepared comes to nothing. */
  discard(): void {
    const failed = this.#prepared;
    this.#prepared = undefined;
    if (!failed?.issuer) return;
    if (failed.issuer === this.#active?.issuer) failed.issuer.keepOnly(managedOf(this.#active.sources));
    else failed.issuer.stop();
  }

  /** Has a certificate issued on demand, if the name may have one. Resolves with whether all workers have one. */
  async certify(name: string): Promise<boolean> {
    return (await this.#active?.onDemand?.certify(name)) ?? false;
  }

  /** What listeners have now. */
  get sources(): Sources {
    return this.#active?.sources ?? new Map();
  }

  get stapling(): Stapling {
    return this.#stapling;
  }

  /** Looks whether files have changed. */
  reloadFiles(): void {
    const looks = this.#look((source) => source.look());
    if (!looks.includes('unusable')) return;
    this.#cancelSecondLook();
    this.#cancelSecondLook = this.#host.timers.set(
      () => this.#look((source) => source.lookAgain(this.#host.log)),
      SECOND_LOOK_MS,
    );
  }

  stop(): void {
    this.#cancelHourly();
    this.#cancelSecondLook();
    this.#watch.stop();
    this.#stapling.stop();
    this.#active?.issuer?.stop();
  }

  #look(at: (source: FileSource) => ReturnType<FileSource['look']>): readonly string[] {
    const looks = filesIn(this.sources).map(at);
    const changed = looks.filter((look) => look === 'changed').length;
    if (changed === 0) return looks;
    this.counts.reloaded += changed;
    void this.#changed().then(() =>
      this.#host.log.info('certificates are in use anew, as their files have changed', { certificates: changed }),
    );
    return looks;
  }

  #storeFor(config: Config, folder: string): CertificateStore {
    const { storage } = config.certificates;
    const path = storage === undefined ? join(stateFolder(), 'certificates') : resolve(folder, storage);
    return this.#active?.store.folder === path ? this.#active.store : new CertificateStore(path, this.#host);
  }

  async #issuerFor(
    config: Config,
    { authorities }: LoadedCertificates,
    store: CertificateStore,
  ): Promise<AcmeIssuer | undefined> {
    const { acme } = config.certificates;
    if (!acme || !Object.values(config.listeners).some(({ tls }) => tls?.certificates.some((one) => one.acme))) return;
    const settings = acmeSettings(acme, authorities);
    const before = this.#active?.issuer;
    if (before && store === this.#active?.store && JSON.stringify(before.settings) === JSON.stringify(settings))
      return before;
    const { AcmeIssuer } = await import('./acme/issuer.ts');
    return new AcmeIssuer(settings, {
      ...this.#host,
      store,
      board: this.#board,
      changed: () => this.#changed(),
      counted: (result) => void this.counts[result]++,
    });
  }

  async #onDemandFor(config: Config, issuer: AcmeIssuer, store: CertificateStore): Promise<OnDemand | undefined> {
    const settings = config.certificates.acme?.['on-demand'];
    if (!settings) return undefined;
    const before = this.#active?.onDemand;
    if (before && this.#active?.issuer === issuer && JSON.stringify(before.config) === JSON.stringify(settings))
      return before;
    const { clock, log } = this.#host;
    return await OnDemand.open(settings, { issuer, store, transport: createTransport(), clock, log });
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
    this.#stapling.use(this.#active?.stapling ? certificates : []);
    this.#lookAtExpiry();
  }

  #hourly(): void {
    this.#lookAtExpiry();
    this.#active?.onDemand?.prune();
    this.#active?.issuer?.keepOnly(managedOf(this.sources));
    for (const source of [...this.sources.values()].flat())
      if (source instanceof LocalSource) void this.#refresh(source);
    this.#cancelHourly = this.#host.timers.set(() => this.#hourly(), HOUR_MS);
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
    for (const managed of managedOf(this.sources)) {
      // It says itself what goes wrong.
      if (managed.current?.fingerprint === fingerprint) managed.renew().catch(() => {});
    }
  }

  #certificatesOf(sources: Sources): ListenerCertificates {
    const stapled = (certificate: Certificate) => ({
      ...certificate,
      staple: this.#stapling.staple(certificate.fingerprint),
    });
    return new Map([...sources].map(([name, own]) => [name, own.flatMap(certificatesIn).map(stapled)]));
  }
}

function certificatesIn(source: CertificateSource): readonly Certificate[] {
  return source.states().flatMap(({ certificate }) => certificate ?? []);
}

function filesIn(sources: Sources): readonly FileSource[] {
  return [...sources.values()].flat().filter((source) => source instanceof FileSource);
}

function managedOf(sources: Sources): ReadonlySet<ManagedCertificate> {
  const all = [...sources.values()].flat();
  return new Set(
    all.flatMap((source) => {
      if (source instanceof AcmeSource) return [source.managed];
      return source instanceof OnDemand ? source.managed : [];
    }),
  );
}

/** What the system says of the folder, with what to do; all else is a fault of ours. */
function storageError(error: unknown, { folder }: CertificateStore): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const message = `the folder for certificates cannot be used, name another one as certificates.storage: ${folder}: ${error.message}`;
  return new Error(message, { cause: error });
}
