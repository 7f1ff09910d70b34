// One run of the benchmarks: its folder, its ports, its origin, the peers that take part, and what it measured.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '../peers/peer.ts';
import { MEASURED_CORE } from './cores.ts';
import { startDatagramSink } from './datagram-sink.ts';
import { startOrigin } from './origin.ts';
import { freePort, pause, type Started, start } from './processes.ts';
import { untilAnswering } from './ready.ts';
import { ROUTES, requestHeads, writeWrkScript } from './requests.ts';
import type { Load } from './wrk.ts';

export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Of the same load before the first sample: compilers and caches warm up. */
  readonly warmUpSeconds: number;
  readonly peers: readonly Peer[];
}

export interface StartedWith {
  readonly routes?: number;
  readonly cores?: readonly number[];
}

/** A peer that runs. */
export interface Running extends Started {
  readonly peer: Peer;
  readonly port: number;
}

export class BenchRun {
  readonly options: BenchOptions;
  readonly folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  readonly #started: Pick<Started, 'stop'>[] = [];
  readonly #ended = new AbortController();
  #closing: Promise<void> | undefined;
  #originPort = 0;
  #logPort = 0;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  get originPort(): number {
    return this.#originPort;
  }

  async open(): Promise<void> {
    const origin = await startOrigin(this.folder);
    this.#originPort = origin.port;
    this.#started.push(origin);
    const sink = await startDatagramSink();
    this.#logPort = sink.port;
    this.#started.push(sink);
  }

  /** Starts a peer, unless told otherwise on the measured core with the usual table of routes. */
  async start(peer: Peer, { routes = ROUTES, cores = [MEASURED_CORE] }: StartedWith = {}): Promise<Running> {
    const port = await freePort();
    const folder = join(this.folder, `${peer.name}-${routes}`);
    mkdirSync(folder, { recursive: true });
    const [originPort, logPort] = [this.#originPort, this.#logPort];
    const { command, env = {} } = peer.prepare({ folder, port, originPort, logPort, routes });
    const started = start(command, { cores, env, output: join(folder, 'output') });
    this.#started.push(started);
    await untilAnswering(port, started);
    return { ...started, peer, port };
  }

  /** A load of realistic requests for a resource. */
  load(resource: string, port: number, routes = ROUTES): Load {
    return this.#load(`${resource}-${routes}`, port, requestHeads(resource, routes));
  }

  /** The same with a connection for each request. */
  loadOfConnections(resource: string, port: number): Load {
    const heads = requestHeads(resource).map((head) => head.replace('\r\n', '\r\nConnection: close\r\n'));
    return this.#load(`${resource}-close`, port, heads);
  }

  #load(name: string, port: number, heads: readonly string[]): Load {
    const script = join(this.folder, `${name}.lua`);
    writeWrkScript(script, heads);
    return { port, script, seconds: this.options.seconds, signal: this.#ended.signal };
  }

  /** Ends everything that was started, and removes the folder. Called again it waits for the first call. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ended.abort();
    for (const started of this.#started.reverse()) await started.stop();
    await pause(50);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
