// The comparison of most works: processor time of each peer for a piece of work, in turn, as ratios of one run.
import type { BenchRun, Running, StartedWith } from '../lib/bench-run.ts';
import { cpuMicroseconds } from '../lib/cpu.ts';
import type { Load } from '../lib/load.ts';
import { median, rounded } from '../lib/statistics.ts';
import type { Peer } from '../peers/peer.ts';
import type { WorkResult } from './work.ts';

interface Sample {
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
}

export interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly peers: readonly Peer[];
  /** What a figure is of. */
  readonly of: string;
  readonly startedWith: StartedWith;
  /** Asks a peer whether it does what is measured; rejects when it does not. */
  verify(running: Running): Promise<void>;
  load(running: Running): Load;
}

/** Has the peers do the work in turn, sample by sample. */
export async function compare(
  { name, title, peers, of, startedWith, verify, load }: Comparison,
  bench: BenchRun,
  say: (line: string) => void,
): Promise<WorkResult> {
  const running: Running[] = [];
  const samples = new Map<string, Sample[]>();
  for (const peer of peers) {
    const started = await bench.start(peer, startedWith);
    await verify(started);
    await load(started)(bench.options.warmUpSeconds);
    running.push(started);
    samples.set(peer.name, []);
  }
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const one of running) {
      const sample = await measure(one, load(one), bench.options.seconds);
      samples.get(one.peer.name)?.push(sample);
      say(
        `${name} ${round}/${bench.options.rounds} ${one.peer.name}: ${sample.cpuUs.toFixed(1)} us, ${Math.round(sample.requestsPerSecond)}/s`,
      );
    }
  }
  for (const one of running) await one.stop();
  return summarise(title, of, samples);
}

async function measure({ peer, pid }: Running, load: Load, seconds: number): Promise<Sample> {
  const before = cpuMicroseconds(pid);
  const result = await load(seconds);
  const cpuUs = (cpuMicroseconds(pid) - before) / result.requests;
  if (result.failed > 0) throw new Error(`${peer.name}: ${result.failed} of ${result.requests} failed`);
  return { cpuUs, requestsPerSecond: (result.requests * 1e6) / result.durationUs };
}

function summarise(title: string, of: string, samples: ReadonlyMap<string, readonly Sample[]>): WorkResult {
  const [own = []] = samples.values();
  const peers = [...samples].map(([name, list]) => {
    const cpu = list.map(({ cpuUs }) => cpuUs);
    return {
      name,
      cpuUs: { min: rounded(Math.min(...cpu)), median: rounded(median(cpu)), max: rounded(Math.max(...cpu)) },
      samplesUs: cpu.map((value) => rounded(value)),
      requestsPerSecond: Math.round(median(list.map((sample) => sample.requestsPerSecond))),
      // Of one round each, since the machine's speed drifts between rounds.
      ratio: rounded(median(list.map((sample, round) => (own[round]?.cpuUs ?? Number.NaN) / sample.cpuUs))),
    };
  });
  return {
    title,
    unit: `CPU microseconds of the proxy a ${of}; ratio = Tidegate's / the peer's of the same round, median: lower is better`,
    head: ['', 'min', 'median', 'max', `${of}s/s`, 'ratio'],
    rows: peers.map(({ name, cpuUs, requestsPerSecond, ratio }) => [
      name,
      ...[cpuUs.min, cpuUs.median, cpuUs.max].map((value) => value.toFixed(1)),
      String(requestsPerSecond),
      ratio.toFixed(2),
    ]),
    figures: peers,
  };
}
