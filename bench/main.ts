// `npm run bench`: compares Tidegate with other proxies on this machine, prints ratios, and records them when asked to.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchRun } from './lib/bench-run.ts';
import { OTHER_CORE } from './lib/cores.ts';
import { isInstalled, versionOf } from './lib/processes.ts';
import { formatTable } from './lib/table.ts';
import { peers } from './peers/index.ts';
import type { Peer } from './peers/peer.ts';
import { works } from './works/index.ts';
import type { Work, WorkResult } from './works/work.ts';

const RESULTS = join(import.meta.dirname, 'results');

const USAGE = `npm run bench -- [WORK ...] [options]

Works: ${works.map(({ name }) => name).join(', ')}; all of them when none is named.
  --rounds N        samples of each peer, in turn (default 5)
  --seconds N       length of a sample (default 4)
  --peers A,B       only these besides Tidegate: ${peers.map(({ name }) => name.toLowerCase()).join(', ')}
  --record          write the figures to bench/results/
`;

interface Options {
  readonly works: readonly Work[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
  readonly record: boolean;
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      peers: { type: 'string' },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => !works.some((work) => work.name === name));
  if (values.help || unknown !== undefined) {
    if (unknown !== undefined) console.error(`There is no work "${unknown}".\n`);
    console.log(USAGE);
    process.exit(unknown === undefined ? 0 : 64);
  }
  const wanted = values.peers?.toLowerCase().split(',');
  return {
    works: works.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    peers: peers.filter(({ name }) => name === 'Tidegate' || !wanted || wanted.includes(name.toLowerCase())),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    record: values.record,
  };
}

/** Installs what is missing from Debian when that is possible; says what is left out. */
function available(wanted: readonly Peer[]): readonly Peer[] {
  const packages = [
    ...(isInstalled('wrk') ? [] : ['wrk']),
    ...wanted.flatMap(({ program, debianPackage }) =>
      debianPackage !== undefined && !isInstalled(program) ? [debianPackage] : [],
    ),
  ];
  if (packages.length > 0)
    spawnSync('sh', [join(import.meta.dirname, '../scripts/install-peers.sh'), ...packages], { stdio: 'inherit' });
  if (!isInstalled('wrk') || !isInstalled('nginx')) {
    console.error(
      'The benchmarks need wrk (the load) and nginx (the origin): install both, or run this as root on Debian.',
    );
    process.exit(69);
  }
  return wanted.filter((peer) => {
    if (isInstalled(peer.program)) return true;
    console.error(`${peer.name} is left out: ${peer.program} is not installed.`);
    return false;
  });
}

function machine(taking: readonly Peer[]) {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    architecture: arch(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    commit: spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: RESULTS, encoding: 'utf8' }).stdout.trim(),
    versions: Object.fromEntries(taking.map((peer) => [peer.name, versionOf(peer.program, peer.versionArguments)])),
  };
}

async function runWork(work: Work, options: Options): Promise<WorkResult> {
  const bench = new BenchRun(options);
  const interrupted = () => void bench.close().then(() => process.exit(130));
  process.once('SIGINT', interrupted);
  try {
    await bench.open();
    return await work.run(bench, (line) => console.error(line));
  } finally {
    process.off('SIGINT', interrupted);
    await bench.close();
  }
}

function record(results: Readonly<Record<string, WorkResult>>, options: Options): string {
  const now = new Date().toISOString();
  const file = join(RESULTS, `${now.slice(0, 16).replace(':', '')}-${Object.keys(results).join('-')}.json`);
  const { rounds, seconds } = options;
  const figures = Object.fromEntries(
    Object.entries(results).map(([name, { title, unit, figures: measured }]) => [
      name,
      { title, unit, figures: measured },
    ]),
  );
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ time: now, rounds, seconds, machine: machine(options.peers), works: figures }, null, 2)}\n`,
  );
  return file;
}

const options = readOptions();
const taking = { ...options, peers: available(options.peers) };
execFileSync('taskset', ['-p', '-c', String(OTHER_CORE), String(process.pid)], { stdio: 'ignore' });
const results: Record<string, WorkResult> = {};
for (const work of taking.works) {
  const result = await runWork(work, taking);
  results[work.name] = result;
  console.log(`\n${work.name}: ${result.title}\n${result.unit}\n\n${formatTable(result.head, result.rows)}\n`);
}
if (taking.record) console.log(`Recorded in ${record(results, taking)}`);
