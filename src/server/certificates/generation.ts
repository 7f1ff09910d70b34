// Finds or makes everything that the certificates of one configuration come from. Puts nothing in use.
import { join, resolve } from 'node:path';
import type { Config } from '#config/config-schema.ts';
import type { Clock } from '#lib/clock.ts';
import { LOCALHOST_NAMES } from '#lib/local-names.ts';
import type { Certificate } from '#model/certificate.ts';
import { stateFolder } from '#server/state-folder.ts';
import type { AcmeIssuer, IssuerHost } from './acme/issuer.ts';
import type { ManagedCertificate } from './acme/managed-certificate.ts';
import { acmeSettings } from './acme-settings.ts';
import { AcmeSource } from './acme-source.ts';
import { FileSource } from './file-source.ts';
import { filesOf, folderOf, type LoadedCertificates } from './load.ts';
import { LocalAuthority } from './local-authority.ts';
import { LocalSource } from './local-source.ts';
import { OnDemand } from './on-demand.ts';
import type { CertificateSource } from './source.ts';
import { findStopgap } from './stopgap.ts';
import { CertificateStore } from './store.ts';
import { createTransport } from './transport.ts';
import { readUploads } from './uploads.ts';

/** By listener, in the order of their entries, what was uploaded behind them. */
export type Sources = ReadonlyMap<string, readonly CertificateSource[]>;

/** What belongs to one configuration. */
export interface Generation {
  readonly sources: Sources;
  readonly store: CertificateStore;
  readonly issuer: AcmeIssuer | undefined;
  readonly onDemand: OnDemand | undefined;
  readonly isStapling: boolean;
}

export type GenerationHost = Omit<IssuerHost, 'store'>;

export interface Wanted {
  readonly config: Config;
  readonly loaded: LoadedCertificates;
  /** The configuration's, which other files are relative to. */
  readonly file: string | undefined;
}

/** Takes over from `before` what is to stay the same. Rejects when certificates cannot be had that should be. */
export async function createGeneration(
  { config, loaded, file }: Wanted,
  before: Generation | undefined,
  host: GenerationHost,
): Promise<Generation> {
  const folder = folderOf(file);
  const store = storeFor(config, folder, before, host);
  try {
    const issuer = await issuerFor(config, loaded, store, { before, host });
    const onDemand = issuer && (await onDemandFor(config, issuer, store, { before, host }));
    const create = sourceCreator({ config, loaded, folder, store, issuer, onDemand, clock: host.clock, before });
    const sources = new Map<string, readonly CertificateSource[]>();
    for (const [name, entries] of loaded.files) {
      const own = await Promise.all(entries.map((_, index) => create(name, index)));
      sources.set(name, [...own, ...(await readUploads(store, name, host.log))]);
    }
    return { sources, store, issuer, onDemand, isStapling: config.certificates['ocsp-stapling'] };
  } catch (error) {
    throw storageError(error, store);
  }
}

interface Surroundings {
  readonly config: Config;
  readonly loaded: LoadedCertificates;
  readonly folder: string;
  readonly store: CertificateStore;
  readonly issuer: AcmeIssuer | undefined;
  readonly onDemand: OnDemand | undefined;
  readonly clock: Clock;
  readonly before: Generation | undefined;
}

function sourceCreator({ config, loaded, folder, store, issuer, onDemand, clock, before }: Surroundings) {
  let authority: Promise<LocalAuthority> | undefined;
  const stopgapFor = (names: readonly string[], listener: string, { settings }: AcmeIssuer) => {
    const inUse = (before?.sources.get(listener) ?? []).filter(({ type }) => type === 'acme').flatMap(certificatesIn);
    return findStopgap(names, inUse, { store, directoryUrl: settings.directoryUrl, clock });
  };
  return async (listener: string, index: number): Promise<CertificateSource> => {
    const entry = config.listeners[listener]?.tls?.certificates[index] ?? {};
    const files = filesOf(entry);
    const certificate = loaded.files.get(listener)?.[index];
    if (files && certificate) return new FileSource(folder, files, certificate);
    if (issuer && Array.isArray(entry.acme)) {
      const managed = await issuer.certificate(entry.acme);
      return new AcmeSource(managed, managed.current ? undefined : await stopgapFor(entry.acme, listener, issuer));
    }
    if (onDemand && entry.acme === 'on-demand') return onDemand;
    authority ??= LocalAuthority.open(store, clock);
    const further = Array.isArray(entry.local) ? entry.local : [];
    return await LocalSource.create(await authority, [...new Set([...LOCALHOST_NAMES, ...further])]);
  };
}

function storeFor(
  { certificates: { storage } }: Config,
  folder: string,
  before: Generation | undefined,
  host: GenerationHost,
): CertificateStore {
  const path = storage === undefined ? join(stateFolder(), 'certificates') : resolve(folder, storage);
  return before?.store.folder === path ? before.store : new CertificateStore(path, host);
}

interface Former {
  readonly before: Generation | undefined;
  readonly host: GenerationHost;
}

async function issuerFor(
  config: Config,
  { authorities }: LoadedCertificates,
  store: CertificateStore,
  { before, host }: Former,
): Promise<AcmeIssuer | undefined> {
  const { acme } = config.certificates;
  const isWanted = Object.values(config.listeners).some(({ tls }) => tls?.certificates.some((one) => one.acme));
  if (!acme || !isWanted) return undefined;
  const settings = acmeSettings(acme, authorities);
  const isSame = store === before?.store && JSON.stringify(before.issuer?.settings) === JSON.stringify(settings);
  if (isSame) return before.issuer;
  const { AcmeIssuer } = await import('./acme/issuer.ts');
  return new AcmeIssuer(settings, {
    ...host,
    store,
    changed: () => host.changed(),
    counted: (result) => host.counted(result),
  });
}

async function onDemandFor(
  config: Config,
  issuer: AcmeIssuer,
  store: CertificateStore,
  { before, host }: Former,
): Promise<OnDemand | undefined> {
  const settings = config.certificates.acme?.['on-demand'];
  if (!settings) return undefined;
  const isSame = issuer === before?.issuer && JSON.stringify(before.onDemand?.config) === JSON.stringify(settings);
  if (isSame) return before.onDemand;
  const { clock, log } = host;
  return await OnDemand.open(settings, { issuer, store, transport: createTransport(), clock, log });
}

export function certificatesIn(source: CertificateSource): readonly Certificate[] {
  return source.states().flatMap(({ certificate }) => certificate ?? []);
}

export function filesIn(sources: Sources): readonly FileSource[] {
  return [...sources.values()].flat().filter((source) => source instanceof FileSource);
}

export function managedIn(sources: Sources): ReadonlySet<ManagedCertificate> {
  return new Set(
    [...sources.values()].flat().flatMap((source) => {
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
