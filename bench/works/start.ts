// How long it takes from the command to the first answer.
import { MEASURED_CORE, OTHER_CORE } from '../lib/cores.ts';
import { median } from '../lib/statistics.ts';
import type { Work } from './work.ts';

export const startUp: Work = {
  name: 'start',
  summary: 'time from the command to the first answer',
  async run(bench, say) {
    const samples = new Map(bench.options.peers.map((peer) => [peer, [] as number[]]));
    for (let round = 1; round <= bench.options.rounds; round++) {
      for (const [peer, list] of samples) {
        const began = performance.now();
        const running = await bench.start(peer, { cores: [MEASURED_CORE, OTHER_CORE] });
        const ms = performance.now() - began;
        await running.stop();
        list.push(ms);
        say(`start ${round}/${bench.options.rounds} ${peer.name}: ${Math.round(ms)} ms`);
      }
    }
    const figures = [...samples].map(([{ name }, list]) => ({ name, ms: Math.round(median(list)) }));
    return {
      title: this.summary,
      unit: 'milliseconds on two cores with 200 routes, median, seen by asking every 5 ms',
      head: ['', 'ms'],
      rows: figures.map(({ name, ms }) => [name, String(ms)]),
      figures,
    };
  },
};
