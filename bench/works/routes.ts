// What a large table of routes costs: processor time a request with 10 routes and with 10,000, in turn.
import type { Running } from '../lib/bench-run.ts';
import { cpuMicroseconds } from '../lib/cpu.ts';
import { median, rounded } from '../lib/statistics.ts';
import { runWrk } from '../lib/wrk.ts';
import type { Work } from './work.ts';

const TABLES = [10, 10_000];

export const routes: Work = {
  name: 'routes',
  summary: 'Tidegate with 10 and with 10,000 routes',
  async run(bench, say) {
    const peer = bench.options.peers.find(({ name }) => name === 'Tidegate');
    if (!peer) throw new Error('this work needs Tidegate among the peers');
    const samples = new Map(TABLES.map((size) => [size, [] as number[]]));
    for (let round = 1; round <= bench.options.rounds; round++) {
      for (const size of TABLES) {
        // One after the other, as both take the same port.
        const running: Running = await bench.start(peer, size);
        const load = bench.load('item', running.port, size);
        await runWrk({ ...load, seconds: bench.options.warmUpSeconds });
        const before = cpuMicroseconds(running.pid);
        const { requests } = await runWrk(load);
        const cpuUs = (cpuMicroseconds(running.pid) - before) / requests;
        samples.get(size)?.push(cpuUs);
        say(`routes ${round}/${bench.options.rounds} ${size}: ${cpuUs.toFixed(1)} us`);
        await running.stop();
      }
    }
    const medians = TABLES.map((size) => ({ routes: size, cpuUs: rounded(median(samples.get(size) ?? [])) }));
    const few = medians[0]?.cpuUs ?? Number.NaN;
    return {
      title: this.summary,
      unit: 'CPU microseconds a request, medians; ratio to the small table',
      head: ['routes', 'median', 'ratio'],
      rows: medians.map((one) => [String(one.routes), one.cpuUs.toFixed(1), (one.cpuUs / few).toFixed(2)]),
      figures: medians,
    };
  },
};
