// How long answers take below saturation: Tidegate and one peer at a time, both at half the rate that the slower one can do.
import type { BenchRun, Running } from '../lib/bench-run.ts';
import { runOpenLoop } from '../lib/open-loop.ts';
import { RESOURCES } from '../lib/origin.ts';
import { requestHeads } from '../lib/requests.ts';
import { median, rounded } from '../lib/statistics.ts';
import { verifyPeer } from '../lib/verify.ts';
import type { Work } from './work.ts';

type Say = (line: string) => void;

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What one round of a pair gave. */
interface Sample {
  readonly own: Latency;
  readonly peer: Latency;
}

export const latency: Work = {
  name: 'latency',
  summary: "latency at half of the slower one's maximum rate, 102 bytes",
  async run(bench, say) {
    const running: Running[] = [];
    for (const peer of bench.options.peers) {
      const started = await bench.start(peer);
      await verifyPeer(started, RESOURCES.small);
      await bench.load('item', started)(bench.options.warmUpSeconds);
      running.push(started);
    }
    const [own, ...others] = running;
    if (!own) throw new Error('this work needs Tidegate among the peers');
    const figures = [];
    for (const other of others) figures.push(await comparePair(bench, own, other, say));
    for (const one of running) await one.stop();
    return {
      title: this.summary,
      unit: "milliseconds, medians over the rounds; ratio = Tidegate's p99 / the peer's of the same round, median: lower is better",
      head: ['Tidegate beside', 'requests/s', 'no proxy p99', 'p50', 'p99', "peer's p50", "peer's p99", 'p99 ratio'],
      rows: figures.map(({ name, requestsPerSecond, floor, own: ours, peer, ratio }) => [
        name,
        String(requestsPerSecond),
        ...[floor.p99Ms, ours.p50Ms, ours.p99Ms, peer.p50Ms, peer.p99Ms, ratio].map((value) => value.toFixed(2)),
      ]),
      figures,
    };
  },
};

async function comparePair(bench: BenchRun, own: Running, other: Running, say: Say) {
  const requestsPerSecond = await halfOfSlower(bench, own, other);
  const { rounds } = bench.options;
  const floor = await measure(bench, bench.originPort, requestsPerSecond);
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++) {
    const sample = {
      own: await measure(bench, own.port, requestsPerSecond),
      peer: await measure(bench, other.port, requestsPerSecond),
    };
    samples.push(sample);
    const p99 = (name: string, { p99Ms }: Latency) => `${name} p99 ${p99Ms.toFixed(2)} ms`;
    say(`latency ${round}/${rounds} ${p99('Tidegate', sample.own)}, ${p99(other.peer.name, sample.peer)}`);
  }
  return {
    name: other.peer.name,
    requestsPerSecond,
    floor: medianLatency([floor]),
    own: medianLatency(samples.map((sample) => sample.own)),
    peer: medianLatency(samples.map((sample) => sample.peer)),
    ratio: rounded(median(samples.map((sample) => sample.own.p99Ms / sample.peer.p99Ms))),
  };
}

async function halfOfSlower(bench: BenchRun, ...pair: readonly Running[]): Promise<number> {
  const rates: number[] = [];
  for (const one of pair) {
    const { requests, durationUs } = await bench.load('item', one)(bench.options.seconds);
    rates.push((requests * 1e6) / durationUs);
  }
  return Math.round(Math.min(...rates) / 2);
}

async function measure(bench: BenchRun, port: number, requestsPerSecond: number): Promise<Latency> {
  const { seconds } = bench.options;
  const sorted = await runOpenLoop({ port, heads: requestHeads('item'), seconds, requestsPerSecond });
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function medianLatency(all: readonly Latency[]): Latency {
  return {
    p50Ms: rounded(median(all.map(({ p50Ms }) => p50Ms)), 3),
    p99Ms: rounded(median(all.map(({ p99Ms }) => p99Ms)), 3),
  };
}
