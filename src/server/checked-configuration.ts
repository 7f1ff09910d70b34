// Loads a configuration and all that it names, and finds what is wrong with it, without putting anything in use.
import type { LoadedConfiguration } from '#config/load.ts';
import { unprovenEndpoints } from '#config/warnings.ts';
import { systemClock } from '#lib/clock.ts';
import { type LoadedAuthorities, loadClientAuthorities } from './certificates/client-authorities.ts';
import { type LoadedCertificates, loadCertificates } from './certificates/load.ts';
import type { ConfigurationSource, LoadResult } from './configuration-source.ts';
import { tryCompile } from './try-compile.ts';

export interface CheckedConfiguration extends LoadedConfiguration {
  readonly certificates: LoadedCertificates;
  readonly clientAuthorities: LoadedAuthorities;
  /** On certificates, of listeners and of endpoints: one sentence each. */
  readonly warnings: readonly string[];
}

/** Returns the configuration, or what is wrong in the terms of `source`. */
export async function loadChecked(
  source: ConfigurationSource,
): Promise<({ readonly ok: true } & CheckedConfiguration) | (LoadResult & { readonly ok: false })> {
  const loaded = await source.load();
  if (!loaded.ok) return loaded;
  const compiled = await tryCompile(loaded.config, source);
  if (!compiled.ok) return compiled;
  const certificates = loadCertificates(loaded.config, source.file, systemClock.wall());
  const clientAuthorities = loadClientAuthorities(loaded.config, source.file);
  const problems = [...certificates.problems, ...clientAuthorities.problems];
  if (problems.length > 0) return source.refuse(problems);
  return {
    ...loaded,
    certificates,
    clientAuthorities,
    warnings: [...certificates.warnings, ...unprovenEndpoints(loaded.config)],
  };
}
