// Compiles a configuration for nothing but to find what is wrong with it.
import { compile } from '#config/compile.ts';
import type { CompileHost } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { systemRandom } from '#lib/random.ts';
import { systemTimers } from '#lib/timers.ts';
import { EndpointCells } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { detachedUpstream } from '#memory/upstream-table.ts';
import { ConfigurationError } from '#model/configuration-error.ts';
import { accessFormatProblem } from '#telemetry/access-format.ts';
import type { ConfigurationSource, LoadResult } from './configuration-source.ts';

/** Returns `ok`, or what is wrong in the terms of `source`. */
export async function tryCompile(
  config: Config,
  source: ConfigurationSource,
): Promise<{ readonly ok: true } | (LoadResult & { readonly ok: false })> {
  try {
    const format = accessFormatProblem(config.logs.access.format);
    if (format) throw new ConfigurationError([{ path: ['logs', 'access', 'format'], message: format }]);
    await compile(config, {}, 0, trialHost());
    return { ok: true };
  } catch (error) {
    if (error instanceof ConfigurationError) return source.refuse(error.problems);
    throw error;
  }
}

/** Lends memory that nobody else sees. */
function trialHost(): CompileHost {
  const scratch = new Int32Array(64);
  return {
    clock: systemClock,
    random: systemRandom,
    timers: systemTimers,
    log: silentLog,
    buckets: KeyedTable.create(8, [0, 0]),
    secret: new Uint8Array(32),
    series: () => new Float64Array(0),
    cells: () => new EndpointCells(scratch, scratch, 0),
    upstream: detachedUpstream,
    sessions: () => ExpiringTable.create(8, new Uint8Array(16)),
    epoch: () => 0,
    transport: () => ({
      send() {
        throw new Error('a trial sends nothing');
      },
    }),
    report() {},
    wake() {},
  };
}
