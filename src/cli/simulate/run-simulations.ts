// Runs what `tidegate simulate` asks for, and gives what it prints.
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { createSource } from '#server/configuration-source.ts';
import { tryCompile } from '#server/try-compile.ts';
import { type Recording, readRecording } from '#simulate/recorded-traffic.ts';
import { formatReport } from '#simulate/report.ts';
import { simulate } from '#simulate/run.ts';
import { SimulationError } from '#simulate/simulation-error.ts';
import { type RunFindings, type RunSummary, summarise } from '#simulate/summary.ts';
import { readOptions, type SimulateOptions, type SimulateWords } from './options.ts';
import { type LoadedFile, planSimulations } from './plan.ts';

/** Returns the text for standard output. Throws a `CommandError`. */
export async function runSimulations(names: readonly string[], words: SimulateWords): Promise<string> {
  const options = readOptions(words);
  const files: LoadedFile[] = [];
  for (const file of names) files.push(await load(file));
  const recording = options.from === undefined ? undefined : await attempt(readRecording(options.from));
  const findings: RunFindings[] = [];
  for (const plan of planSimulations(files, options, recording)) {
    const found = await attempt(simulate(plan));
    if (found.exchanges.size === 0) throw nothingSimulated(plan.upstream, options);
    findings.push(found);
  }
  // What is answered at once takes no time at all, which cannot be cut into slices.
  const chartedMs = Math.max(1, ...findings.map(({ durationMs }) => durationMs));
  const runs = findings.map((found) => summarise(found, chartedMs));
  return options.json
    ? `${JSON.stringify({ seed: options.seed, runs }, undefined, 2)}\n`
    : formatReport(headOf(options, runs, recording), runs);
}

async function load(file: string): Promise<LoadedFile> {
  const source = createSource({ file });
  const loaded = await source.load();
  const result = loaded.ok ? await tryCompile(loaded.config, source) : loaded;
  if (loaded.ok && result.ok) return { file, config: loaded.config };
  throw new CommandError(EXIT.bad, `the configuration has problems\n${result.ok ? '' : result.text}`);
}

/** What a simulation cannot do with what it was given ends the command as any bad input does. */
async function attempt<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SimulationError) throw new CommandError(EXIT.bad, error.message);
    throw error;
  }
}

function nothingSimulated(upstream: string, { from }: SimulateOptions): CommandError {
  const message = `not one request was meant for the upstream ${upstream}`;
  if (from !== undefined) return new CommandError(EXIT.bad, `${message} in ${from}`);
  return new CommandError(
    EXIT.usage,
    `${message}: say with --method, --host, --path and --header what its route takes`,
  );
}

/** What was simulated, in one line. */
function headOf(options: SimulateOptions, runs: readonly RunSummary[], recording: Recording | undefined): string {
  const { pattern, perMs, burst } = options.arrivals;
  const { requests = 0, elsewhere = 0, durationMs = 0, upstream = '' } = runs[0] ?? {};
  const skipped = recording && recording.skipped > 0 ? `, ${recording.skipped} records without a request left out` : '';
  const arrivals = pattern === 'bursts' ? `bursts of ${burst}` : pattern;
  const origin = recording ? `recorded in ${options.from}${skipped}` : `${perMs * 1000}/s, ${arrivals}`;
  const seconds = (durationMs / 1000).toFixed(1);
  return `${requests + elsewhere} requests (${origin}), ${seconds} s of virtual time, upstream ${upstream}, seed ${options.seed}`;
}
