// What has to be known of a machine for a comparison on it: what is missing, and the facts that go into the record.
import { spawnSync } from 'node:child_process';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '../peers/peer.ts';
import { hasTwoCores } from './cores.ts';
import { isInstalled, versionOf } from './processes.ts';

const INSTALLER = join(import.meta.dirname, '../../scripts/install-peers.sh');

/** Debian packages of the programs that load and origin need; h2load and openssl for some works only. */
const TOOLS = { wrk: 'wrk', nginx: 'nginx-light', h2load: 'nghttp2-client', openssl: 'openssl' } as const;

export type Tool = keyof typeof TOOLS;

/** Installs the Debian packages of what is not there, where that is possible. */
export function installMissing(peers: readonly Peer[], tools: readonly Tool[]): void {
  const missing = [
    ...(['wrk', 'nginx', ...tools] as const).filter((tool) => !isInstalled(tool)).map((tool) => TOOLS[tool]),
    ...peers.flatMap(({ program, debianPackage }) =>
      debianPackage !== undefined && !isInstalled(program) ? [debianPackage] : [],
    ),
  ];
  if (missing.length > 0) spawnSync('sh', [INSTALLER, ...new Set(missing)], { stdio: 'inherit' });
}

/** Why no benchmark can run here, as a sentence; `undefined` when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'The benchmarks need Linux: they read /proc.';
  if (!hasTwoCores) return 'The benchmarks need two cores: one for what is measured, one for everything else.';
  const missing = ['taskset', 'wrk', 'nginx'].filter((program) => !isInstalled(program));
  if (missing.length === 0) return undefined;
  return `The benchmarks need ${missing.join(' and ')}: install it, or run them as root on Debian.`;
}

export function machineFacts(peers: readonly Peer[]) {
  const commit = spawnSync('git', ['describe', '--always', '--dirty'], { cwd: import.meta.dirname, encoding: 'utf8' });
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    architecture: arch(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    commit: commit.stdout.trim(),
    versions: Object.fromEntries(peers.map((peer) => [peer.name, versionOf(peer.program, peer.versionArguments)])),
  };
}
