// `npm run bench`: compares Tidegate with other proxies on this machine, prints ratios, and records them when asked to.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchRun } from './lib/bench-run.ts';
import { OTHER_CORE } from './lib/cores.ts';
import { installMissing, machineFacts, type Tool, whyNot } from './lib/machine.ts';
import { type Options, readOptions } from './lib/options.ts';
import { isInstalled } from './lib/processes.ts';
import { formatTable } from './lib/table.ts';
import { peers } from './peers/index.ts';
import { works } from './works/index.ts';
import type { Work, WorkResult } from './works/work.ts';

const RESULTS = join(import.meta.dirname, 'results');

/** Exit statuses of sysexits.h, and the shell's for an interrupted program. */
const EXIT = { failed: 1, usage: 64, unavailable: 69, interrupted: 130 } as const;

const USAGE = `npm run bench -- [WORK ...] [options]

Works, all of them when none is named:
${works.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join('\n')}

  --rounds N      samples of each peer, in turn (default 5)
  --seconds N     length of a sample (default 4)
  --peers A,B     only these besides Tidegate: ${peers.map(({ name }) => name.toLowerCase()).join(', ')}
  --beside DIR    with another checkout of Tidegate, in DIR, as one of the peers
  --quick         one round of one second, installing nothing: to see that it works, not for figures
  --record        write the figures to bench/results/
`;

function fail(message: string, status: number): never {
  console.error(message);
  process.exit(status);
}

function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`, EXIT.usage);
  }
}

function chooseWorks(names: readonly string[]): readonly Work[] {
  const unknown = names.find((name) => !works.some((work) => work.name === name));
  if (unknown !== undefined) fail(`There is no work "${unknown}".\n\n${USAGE}`, EXIT.usage);
  return works.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** Leaves out the peers that are not here, after trying to install them if it may. */
function withInstalledPeers(wanted: Options, needs: readonly Tool[]): Options {
  if (wanted.install) installMissing(wanted.peers, needs);
  const reason = whyNot();
  if (reason !== undefined) fail(reason, EXIT.unavailable);
  const installed = wanted.peers.filter(({ program }) => isInstalled(program));
  for (const { name, program } of wanted.peers) {
    if (!isInstalled(program)) console.error(`${name} is left out: ${program} is not installed.`);
  }
  return { ...wanted, peers: installed };
}

/** Whether all is there that a work needs; says so where it is not. */
function canRun({ name, needs = [] }: Work): boolean {
  const missing = needs.filter((tool) => !isInstalled(tool));
  if (missing.length > 0) console.error(`The work ${name} is left out: ${missing.join(' and ')} is not installed.`);
  return missing.length === 0;
}

async function runWork(work: Work, settings: Options): Promise<WorkResult> {
  const bench = new BenchRun(settings);
  const interrupted = () => void bench.close().then(() => process.exit(EXIT.interrupted));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await bench.open();
    return await work.run(bench, (line) => console.error(line));
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await bench.close();
  }
}

function record(results: ReadonlyMap<string, WorkResult>, { rounds, seconds, peers: compared }: Options): string {
  const time = new Date().toISOString();
  const file = join(RESULTS, `${time.slice(0, 16).replace(':', '')}-${[...results.keys()].join('-')}.json`);
  const figures = Object.fromEntries(
    [...results].map(([name, { title, unit, figures: measured }]) => [name, { title, unit, figures: measured }]),
  );
  const content = { time, rounds, seconds, machine: machineFacts(compared), works: figures };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  return file;
}

const asked = optionsOrExit();
const chosen = chooseWorks(asked.works);
if (asked.help) {
  console.log(USAGE);
  process.exit();
}
const settings = withInstalledPeers(
  asked,
  chosen.flatMap(({ needs = [] }) => needs),
);
execFileSync('taskset', ['-p', '-c', String(OTHER_CORE), String(process.pid)], { stdio: 'ignore' });
const runnable = chosen.filter(canRun);
if (runnable.length === 0) fail('None of the works can run here.', EXIT.unavailable);
const results = new Map<string, WorkResult>();
try {
  for (const work of runnable) {
    const result = await runWork(work, settings);
    results.set(work.name, result);
    console.log(`\n${work.name}: ${result.title}\n${result.unit}\n\n${formatTable(result.head, result.rows)}\n`);
  }
} catch (error) {
  fail(`The run ended early: ${(error as Error).message}`, EXIT.failed);
}
if (settings.record) console.log(`Recorded in ${record(results, settings)}`);
