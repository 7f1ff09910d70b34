// How long it takes from the command to the first answer.
import { connect } from 'node:net';
import { median } from '../lib/statistics.ts';
import type { Work } from './work.ts';

export const startUp: Work = {
  name: 'start',
  summary: 'time from the command to the first accepted connection',
  async run(bench, say) {
    const figures: { readonly name: string; readonly ms: number }[] = [];
    for (const peer of bench.options.peers) {
      const times: number[] = [];
      for (let round = 0; round < bench.options.rounds; round++) {
        const began = performance.now();
        const running = await bench.start(peer);
        connect(running.port, '127.0.0.1')
          .on('error', () => {})
          .destroy();
        times.push(performance.now() - began);
        await running.stop();
      }
      const ms = Math.round(median(times));
      figures.push({ name: peer.name, ms });
      say(`start ${peer.name}: ${ms} ms`);
    }
    return {
      title: this.summary,
      unit: 'milliseconds, median, seen by asking every 20 ms',
      head: ['', 'ms'],
      rows: figures.map(({ name, ms }) => [name, String(ms)]),
      figures,
    };
  },
};
