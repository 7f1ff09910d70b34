// Proxying HTTP/1.1 for one size of content: processor time a request, peers in turn, as ratios of one run.
import type { BenchRun, Running } from '../lib/bench-run.ts';
import { cpuMicroseconds } from '../lib/cpu.ts';
import type { Resource } from '../lib/origin.ts';
import { median, rounded } from '../lib/statistics.ts';
import { verifyPeer } from '../lib/verify.ts';
import { type Load, runWrk } from '../lib/wrk.ts';
import type { Peer } from '../peers/peer.ts';
import { tcpPeers } from '../peers/tcp.ts';
import type { Work, WorkResult } from './work.ts';

interface Sample {
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
}

export function proxyWork(name: string, resource: Resource): Work {
  return {
    name,
    summary: `HTTP/1.1 proxy, keep-alive, ${resource.bytes} bytes`,
    async run(bench, say) {
      const verify = ({ peer, port }: Running) => verifyPeer(peer.name, port, resource);
      const load = ({ port }: Running) => bench.load(resource.name, port);
      return await compare({ name, title: this.summary, peers: bench.options.peers, verify, load }, bench, say);
    },
  };
}

/** Connections passed on as they are, each with one response of this size. */
export function tcpWork(name: string, resource: Resource): Work {
  return {
    name,
    summary: `TCP proxy, a connection each, ${resource.bytes} bytes`,
    async run(bench, say) {
      const wanted = bench.options.peers.map((peer) => peer.name);
      const peers = tcpPeers.filter((peer) => wanted.includes(peer.name));
      const load = ({ port }: Running) => bench.loadOfConnections(resource.name, port);
      return await compare({ name, title: this.summary, peers, verify: async () => {}, load }, bench, say);
    },
  };
}

interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly peers: readonly Peer[];
  /** Asks a peer whether it does what is measured; rejects when it does not. */
  verify(running: Running): Promise<void>;
  load(running: Running): Load;
}

async function compare(
  { name, title, peers, verify, load }: Comparison,
  bench: BenchRun,
  say: (line: string) => void,
): Promise<WorkResult> {
  const running: Running[] = [];
  const samples = new Map<string, Sample[]>();
  for (const peer of peers) {
    const started = await bench.start(peer);
    await verify(started);
    await runWrk({ ...load(started), seconds: bench.options.warmUpSeconds });
    running.push(started);
    samples.set(peer.name, []);
  }
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const one of running) {
      const sample = await measure(one, load(one));
      samples.get(one.peer.name)?.push(sample);
      say(
        `${name} ${round}/${bench.options.rounds} ${one.peer.name}: ${sample.cpuUs.toFixed(1)} us, ${Math.round(sample.requestsPerSecond)}/s`,
      );
    }
  }
  for (const one of running) await one.stop();
  return summarise(title, samples);
}

async function measure({ peer, pid }: Running, load: Load): Promise<Sample> {
  const before = cpuMicroseconds(pid);
  const result = await runWrk(load);
  const cpuUs = (cpuMicroseconds(pid) - before) / result.requests;
  if (result.failed > 0) throw new Error(`${peer.name}: ${result.failed} of ${result.requests} requests failed`);
  return { cpuUs, requestsPerSecond: (result.requests * 1e6) / result.durationUs };
}

function summarise(title: string, samples: ReadonlyMap<string, readonly Sample[]>): WorkResult {
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
    unit: "CPU microseconds of the proxy a request; ratio = Tidegate's / the peer's of the same round, median: lower is better",
    head: ['', 'min', 'median', 'max', 'requests/s', 'ratio'],
    rows: peers.map(({ name, cpuUs, requestsPerSecond, ratio }) => [
      name,
      ...[cpuUs.min, cpuUs.median, cpuUs.max].map((value) => value.toFixed(1)),
      String(requestsPerSecond),
      ratio.toFixed(2),
    ]),
    figures: peers,
  };
}
