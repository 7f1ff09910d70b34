// One run of the benchmarks: its folder, its ports, its origin, the peers that take part, and what it measured.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '../peers/peer.ts';
import { type CertificateFiles, type KeyKind, makeCertificate } from './certificates.ts';
import { MEASURED_CORE } from './cores.ts';
import { startDatagramSink } from './datagram-sink.ts';
import { h2Load } from './h2load.ts';
import type { Load } from './load.ts';
import { startOrigin } from './origin.ts';
import { freePort, pause, type Started, start } from './processes.ts';
import { isSecure, OPENSSL_SETTINGS, opensslSettingsFile, type Protocol } from './protocol.ts';
import { untilAnswering } from './ready.ts';
import { http2Requests, ROUTES, requestHeads, writeWrkScript } from './requests.ts';
import { wrkLoad } from './wrk.ts';

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
  /** What it is asked in; HTTP/1.1 in the clear by default. */
  readonly protocol?: Protocol;
  /** Of its certificate; ECDSA by default. */
  readonly keyKind?: KeyKind;
}

/** A peer that runs. */
export interface Running extends Started {
  readonly peer: Peer;
  readonly port: number;
  readonly protocol: Protocol;
}

export class BenchRun {
  readonly options: BenchOptions;
  readonly folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  readonly #started: Pick<Started, 'stop'>[] = [];
  readonly #certificates = new Map<KeyKind, CertificateFiles>();
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
    writeFileSync(opensslSettingsFile(this.folder), OPENSSL_SETTINGS);
    const origin = await startOrigin(this.folder);
    this.#originPort = origin.port;
    this.#started.push(origin);
    const sink = await startDatagramSink();
    this.#logPort = sink.port;
    this.#started.push(sink);
  }

  /** Starts a peer, unless told otherwise on the measured core with the usual table of routes. */
  async start(peer: Peer, options: StartedWith = {}): Promise<Running> {
    const { routes = ROUTES, cores = [MEASURED_CORE], protocol = 'http', keyKind = 'ecdsa' } = options;
    const port = await freePort();
    const folder = join(this.folder, `${peer.name}-${routes}-${protocol}-${keyKind}`);
    mkdirSync(folder, { recursive: true });
    const [originPort, logPort] = [this.#originPort, this.#logPort];
    const certificate = isSecure(protocol) ? this.#certificate(keyKind) : undefined;
    const h2c = protocol === 'h2c';
    const { command, env = {} } = peer.prepare({ folder, port, originPort, logPort, routes, certificate, h2c });
    const started = start(command, { cores, env, output: join(folder, 'output') });
    this.#started.push(started);
    await untilAnswering(port, started, protocol);
    return { ...started, peer, port, protocol };
  }

  /** A load of realistic requests for a resource, of wrk for HTTP/1.1 and of h2load for HTTP/2. */
  load(resource: string, { port, protocol }: Pick<Running, 'port' | 'protocol'>, routes = ROUTES): Load {
    if (protocol === 'http' || protocol === 'https')
      return this.#wrk(`${resource}-${routes}`, originOf(protocol, port), requestHeads(resource, routes));
    const { uris, fields } = http2Requests(resource, protocol === 'h2' ? 'https' : 'http');
    const file = join(this.folder, `${resource}-${protocol}.uris`);
    writeFileSync(file, `${uris.join('\n')}\n`);
    return h2Load({ port, uris: file, fields, signal: this.#ended.signal });
  }

  /** The same with a connection for each request, in the clear. */
  loadOfConnections(resource: string, { port }: Pick<Running, 'port'>): Load {
    const heads = requestHeads(resource).map((head) => head.replace('\r\n', '\r\nConnection: close\r\n'));
    return this.#wrk(`${resource}-close`, originOf('http', port), heads);
  }

  #wrk(name: string, origin: string, heads: readonly string[]): Load {
    const script = join(this.folder, `${name}.lua`);
    writeWrkScript(script, heads);
    const env = { OPENSSL_CONF: opensslSettingsFile(this.folder) };
    return wrkLoad({ origin, script, env, signal: this.#ended.signal });
  }

  #certificate(kind: KeyKind): CertificateFiles {
    const made = this.#certificates.get(kind) ?? makeCertificate(this.folder, kind);
    this.#certificates.set(kind, made);
    return made;
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

/** wrk names in TLS the host that it is given. */
function originOf(protocol: 'http' | 'https', port: number): string {
  return protocol === 'https' ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
}
