// What an idle connection costs in memory: resident bytes before and after opening many that say nothing.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { residentBytes } from '../lib/cpu.ts';
import { pause } from '../lib/processes.ts';
import { runWrk } from '../lib/wrk.ts';
import type { Work } from './work.ts';

const CONNECTIONS = 2000;

export const idle: Work = {
  name: 'idle',
  summary: `memory of an idle connection, over ${CONNECTIONS}`,
  async run(bench, say) {
    const figures: { readonly name: string; readonly bytes: number }[] = [];
    for (const peer of bench.options.peers) {
      const running = await bench.start(peer);
      await runWrk({ ...bench.load('item', running.port), seconds: bench.options.warmUpSeconds });
      const before = residentBytes(running.pid);
      const sockets = await openMany(running.port);
      await pause(1000);
      const bytes = Math.round((residentBytes(running.pid) - before) / CONNECTIONS);
      for (const socket of sockets) socket.destroy();
      await running.stop();
      figures.push({ name: peer.name, bytes });
      say(`idle ${peer.name}: ${bytes} bytes`);
    }
    return {
      title: this.summary,
      unit: 'bytes of resident memory a connection (proportional set size; the kernel counts socket memory elsewhere)',
      head: ['', 'bytes'],
      rows: figures.map(({ name, bytes }) => [name, String(bytes)]),
      figures,
    };
  },
};

async function openMany(port: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  for (let opened = 0; opened < CONNECTIONS; opened++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    sockets.push(socket);
  }
  return sockets;
}
