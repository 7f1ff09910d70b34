// What a large table of routes costs: processor time a request with 10 routes and with 10,000, in turn. With the large one
// both for requests to the same 10 routes and for requests to 400 of them, which tells the table from the variety.
import type { BenchRun } from '../lib/bench-run.ts';
import { cpuMicroseconds } from '../lib/cpu.ts';
import { median, rounded } from '../lib/statistics.ts';
import type { Peer } from '../peers/peer.ts';
import type { Work } from './work.ts';

interface Case {
  readonly name: string;
  /** Routes in the table. */
  readonly routes: number;
  /** Requests go to the first so many of them, to 400 at most. */
  readonly asked: number;
}

const CASES: readonly Case[] = [
  { name: '10', routes: 10, asked: 10 },
  { name: '10,000, of which 10 asked for', routes: 10_000, asked: 10 },
  { name: '10,000, of which 400 asked for', routes: 10_000, asked: 10_000 },
];

export const routes: Work = {
  name: 'routes',
  summary: 'Tidegate with 10 and with 10,000 routes',
  async run(bench, say) {
    const peer = bench.options.peers.find(({ name }) => name === 'Tidegate');
    if (!peer) throw new Error('this work needs Tidegate among the peers');
    const samples = new Map(CASES.map((one) => [one, [] as number[]]));
    for (let round = 1; round <= bench.options.rounds; round++) {
      for (const [one, list] of samples) {
        const cpuUs = await measure(bench, peer, one);
        list.push(cpuUs);
        say(`routes ${round}/${bench.options.rounds} ${one.name}: ${cpuUs.toFixed(1)} us`);
      }
    }
    const figures = [...samples].map(([one, list]) => ({ ...one, cpuUs: rounded(median(list)) }));
    const few = figures[0]?.cpuUs ?? Number.NaN;
    return {
      title: this.summary,
      unit: 'CPU microseconds a request, medians; ratio to the small table',
      head: ['routes', 'median', 'ratio'],
      rows: figures.map(({ name, cpuUs }) => [name, cpuUs.toFixed(1), (cpuUs / few).toFixed(2)]),
      figures,
    };
  },
};

/** Each sample has a process of its own, since compilers decide by what they saw first. */
async function measure(bench: BenchRun, peer: Peer, { routes: size, asked }: Case): Promise<number> {
  const running = await bench.start(peer, { routes: size });
  const load = bench.load('item', running, asked);
  await load(bench.options.warmUpSeconds);
  const before = cpuMicroseconds(running.pid);
  const { requests, failed } = await load(bench.options.seconds);
  const cpuUs = (cpuMicroseconds(running.pid) - before) / requests;
  await running.stop();
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed with ${size} routes`);
  return cpuUs;
}
