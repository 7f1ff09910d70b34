// One attack on a gateway while ordinary clients go on: what it cost the gateway, and what they saw of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createAuthority } from '../support/certificates.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import type { Attack, TallySheet } from './attack.ts';
import { KillableOrigin } from './killable-origin.ts';
import { type Failure, LoadClient } from './load-client.ts';

const PROGRAM = fileURLToPath(new URL('attack-process.ts', import.meta.url));

export interface AttackRunOptions {
  /** Ordinary clients, each a connection. */
  readonly clients: number;
  /** How long the load is watched before the attack, during it, and after it. */
  readonly beforeMs: number;
  readonly attackMs: number;
  readonly afterMs: number;
}

/** What a stretch of time was like. */
export interface Stretch {
  /** Processor time of the gateway, in percent of one core. */
  readonly cpuPercent: number;
  /** Of the gateway, at the end. */
  readonly residentMiB: number;
  /** Of ordinary requests that were answered 200. */
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface AttackResult {
  readonly before: Stretch;
  readonly during: Stretch;
  readonly after: Stretch;
  readonly failures: readonly Failure[];
  readonly attack: TallySheet;
  /** Breaches that were counted, by kind. */
  readonly breaches: Readonly<Record<string, number>>;
}

export async function runAttack(t: TestContext, attack: Attack, options: AttackRunOptions): Promise<AttackResult> {
  const origin = new KillableOrigin();
  await origin.start();
  t.after(() => origin.kill());
  const gateway = await startTidegate(t, configuration(t, origin));
  const client = new LoadClient({ port: gateway.port('web'), connections: options.clients, pauseMs: 10 });
  client.start();
  const watch = (ms: number) => watchGateway(gateway, client, () => pause(ms));
  // Compilers and caches warm up.
  await watch(options.beforeMs);
  const before = await watch(options.beforeMs);
  let sheet: TallySheet | undefined;
  const during = await watchGateway(gateway, client, async () => {
    sheet = await startAttack(attack, gateway, options.attackMs);
  });
  const after = await watch(options.afterMs);
  await client.stop();
  if (!sheet) throw new Error('the attack told nothing');
  return { before, during, after, failures: client.failures, attack: sheet, breaches: await readBreaches(gateway) };
}

/** Times are short, so that what they end is seen to end. */
function configuration(t: TestContext, origin: KillableOrigin): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-attack-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { cert, key } = createAuthority().issue({ names: ['localhost'] });
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const timeouts = 'timeouts: { head: 1s, body: 1s, send: 1s, keep-alive: 2s }';
  return `
workers: 1
listeners:
  web: { address: '127.0.0.1:0', ${timeouts}, limits: { requests: 1000000 } }
  secure:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: '${folder}/cert.pem', key: '${folder}/key.pem' }], handshake-timeout: 1s }
logs: { access: { format: json, to: '${folder}/access.log' } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`;
}

async function startAttack({ name }: Attack, gateway: TestGateway, ms: number): Promise<TallySheet> {
  const args = ['--no-warnings', PROGRAM, name, gateway.port('web'), gateway.port('secure'), ms].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(child, 'close');
  return JSON.parse(text) as TallySheet;
}

async function watchGateway(gateway: TestGateway, client: LoadClient, work: () => Promise<void>): Promise<Stretch> {
  const began = { at: performance.now(), cpuMs: cpuMs(gateway.pid), answered: client.latencies.length };
  await work();
  const latencies = client.latencies.slice(began.answered).toSorted((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return {
    cpuPercent: ((cpuMs(gateway.pid) - began.cpuMs) / (performance.now() - began.at)) * 100,
    residentMiB: residentMiB(gateway.pid),
    requests: latencies.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

async function readBreaches(gateway: TestGateway): Promise<Record<string, number>> {
  const text = await (await gateway.adminFetch('/metrics')).text();
  const lines = text.matchAll(/^tidegate_http2_breaches_total\{kind="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, kind = '', count]) => [kind, Number(count)]).filter(([, count]) => count),
  );
}

/** Of all threads, user and system (man 5 proc: fields 14 and 15, in hundredths of a second). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
