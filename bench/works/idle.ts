// What an idle connection costs in memory: resident bytes before and after opening many that each made one request and wait.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { BenchRun } from '../lib/bench-run.ts';
import { residentBytes } from '../lib/cpu.ts';
import { pause } from '../lib/processes.ts';
import { requestHeads } from '../lib/requests.ts';
import { median } from '../lib/statistics.ts';
import type { Peer } from '../peers/peer.ts';
import type { Work } from './work.ts';

const CONNECTIONS = 10_000;
/** Opened at the same time. */
const BATCH = 50;
/** What is freed with a delay is freed by then. */
const SETTLE_MS = 1500;

export const idle: Work = {
  name: 'idle',
  summary: `memory of an idle connection, over ${CONNECTIONS.toLocaleString('en')}`,
  async run(bench, say) {
    const samples = new Map(bench.options.peers.map((peer) => [peer, [] as number[]]));
    for (let round = 1; round <= bench.options.rounds; round++) {
      for (const [peer, list] of samples) {
        const bytes = await measure(bench, peer);
        list.push(bytes);
        say(`idle ${round}/${bench.options.rounds} ${peer.name}: ${bytes} bytes`);
      }
    }
    const figures = [...samples].map(([{ name }, list]) => ({ name, bytes: Math.round(median(list)) }));
    return {
      title: this.summary,
      unit: 'bytes of resident memory of the program a connection, median; what the kernel holds for sockets is not in it',
      head: ['', 'bytes'],
      rows: figures.map(({ name, bytes }) => [name, String(bytes)]),
      figures,
    };
  },
};

async function measure(bench: BenchRun, peer: Peer): Promise<number> {
  const running = await bench.start(peer);
  await bench.load('item', running)(bench.options.warmUpSeconds);
  await pause(SETTLE_MS);
  const before = residentBytes(running.pid);
  const sockets = await openMany(running.port);
  await pause(SETTLE_MS);
  const after = residentBytes(running.pid);
  const open = sockets.filter(({ readyState }) => readyState === 'open').length;
  for (const socket of sockets) socket.resetAndDestroy();
  await running.stop();
  if (open < CONNECTIONS) throw new Error(`${peer.name} closed ${CONNECTIONS - open} of ${CONNECTIONS} connections`);
  return Math.round((after - before) / CONNECTIONS);
}

async function openMany(port: number): Promise<readonly Socket[]> {
  const heads = requestHeads('item');
  const sockets: Socket[] = [];
  while (sockets.length < CONNECTIONS) {
    const batch = Array.from({ length: BATCH }, (_, index) => openOne(port, heads[index] ?? ''));
    sockets.push(...(await Promise.all(batch)));
  }
  return sockets;
}

async function openOne(port: number, head: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(head, 'latin1');
  await once(socket, 'data');
  // Closed early it counts as missing at the end.
  return socket.on('error', () => {}).resume();
}
