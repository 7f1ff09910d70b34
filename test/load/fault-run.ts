// Load on a gateway while one of three endpoints goes through a fault. What the clients saw of it is for the caller to judge.
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { startScriptedDns } from '../support/scripted-dns.ts';
import type { Fault, FaultPlace } from './fault-list.ts';
import { KillableOrigin } from './killable-origin.ts';
import { type Failure, LoadClient } from './load-client.ts';

export interface FaultRunOptions {
  readonly connections: number;
  /** Pause of a connection between two requests. */
  readonly pauseMs: number;
  /** How long the fault lasts, and the load after it. */
  readonly faultMs: number;
  readonly afterMs: number;
}

export interface FaultResult {
  readonly requests: number;
  readonly failures: readonly Failure[];
  /** Of requests that were answered 200. */
  readonly p99Ms: number;
  readonly longestMs: number;
  /** From the begin of the fault until the endpoint was out; `undefined` when it never was. */
  readonly outAfterMs: number | undefined;
}

const LOAD_MS = 1000;

/** What requests get that fail: the policy that the table is made with. */
export const POLICY = `
    health: { type: http, path: /healthz, interval: 500ms, timeout: 400ms, healthy: 1, unhealthy: 2 }
    eject: { after: 5, time: 1s }
    timeouts: { connect: 1s }
    retry: { attempts: 3, on: [connect, reset, timeout, gateway-error], attempt-timeout: 1s }`;

export async function runFault(t: TestContext, fault: Fault, options: FaultRunOptions): Promise<FaultResult> {
  const origins = await startOrigins(t, fault);
  const [victim] = origins as [KillableOrigin];
  const answer = { addresses: origins.map(({ host }) => host) as readonly string[] };
  const dns = await startScriptedDns(t, answer);
  const gateway = await startTidegate(t, configuration(origins, fault.needs === 'name' ? dns.address : undefined));
  await gateway.untilAdmin<UpstreamView>('/upstreams/app', ({ endpoints }) => endpoints.length === origins.length);
  const client = new LoadClient({ port: gateway.port(), connections: options.connections, pauseMs: options.pauseMs });
  client.start();
  await pause(LOAD_MS);
  const beganAt = Date.now();
  const place: FaultPlace = {
    victim,
    hosts: answer.addresses,
    resolveTo: (hosts) => {
      answer.addresses = hosts;
    },
    setBlackhole,
  };
  await fault.begin(place);
  await pause(options.faultMs);
  await fault.end(place);
  await pause(options.afterMs);
  await client.stop();
  const { endpoints } = await gateway.admin<UpstreamView>('/upstreams/app');
  const history = endpoints.find(({ name }) => name === victim.address)?.history ?? [];
  const out = history.find(({ time, status }) => Date.parse(time) >= beganAt && status !== 'healthy');
  const latencies = client.latencies.toSorted((a, b) => a - b);
  return {
    requests: client.requests,
    failures: client.failures,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    longestMs: latencies.at(-1) ?? 0,
    outAfterMs: out && Date.parse(out.time) - beganAt,
  };
}

interface UpstreamView {
  readonly endpoints: readonly {
    readonly name: string;
    readonly history: readonly { readonly time: string; readonly status: string }[];
  }[];
}

async function startOrigins(t: TestContext, { needs }: Fault): Promise<readonly KillableOrigin[]> {
  const isApart = needs === 'namespace';
  if (isApart) makeNamespace();
  const first = new KillableOrigin(isApart ? { host: INSIDE, prefix: ['ip', 'netns', 'exec', NAMESPACE] } : {});
  await first.start();
  // A name has one port for all its addresses.
  const others = ['127.0.0.2', '127.0.0.3'].map((host) => new KillableOrigin({ host, port: first.port }));
  for (const origin of others) await origin.start();
  const origins = [first, ...others];
  for (const origin of origins) t.after(() => origin.kill());
  if (isApart) t.after(() => ip('netns', 'del', NAMESPACE));
  return origins;
}

function configuration(origins: readonly KillableOrigin[], dns: string | undefined): string {
  const listed = `endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]`;
  const named = `resolve: { type: dns, name: app.test, port: ${origins[0]?.port}, family: ipv4, servers: ['${dns}'] }`;
  return `
workers: 2
listeners: { web: { address: '127.0.0.1:0', limits: { requests: 1000000 } } }
logs: { access: { to: off } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    ${dns === undefined ? listed : named}${POLICY}
`;
}

// A host of its own for the victim, on a network of two addresses kept for documentation (RFC 5737).
const NAMESPACE = 'tidegate-fault';
const OUTSIDE = '198.51.100.1';
const INSIDE = '198.51.100.2';

/** Whether this machine lets us make network namespaces. */
export function canMakeNamespaces(): boolean {
  return ip('netns', 'add', `${NAMESPACE}-try`) && ip('netns', 'del', `${NAMESPACE}-try`);
}

function makeNamespace(): void {
  ip('netns', 'add', NAMESPACE);
  ip('link', 'add', 'tg-fault', 'type', 'veth', 'peer', 'name', 'tg-inside', 'netns', NAMESPACE);
  ip('addr', 'add', `${OUTSIDE}/30`, 'dev', 'tg-fault');
  ip('link', 'set', 'tg-fault', 'up');
  ip('-n', NAMESPACE, 'addr', 'add', `${INSIDE}/30`, 'dev', 'tg-inside');
  if (!ip('-n', NAMESPACE, 'link', 'set', 'tg-inside', 'up')) throw new Error(`${NAMESPACE} cannot be set up`);
}

function setBlackhole(isOn: boolean): void {
  ip('-n', NAMESPACE, 'route', isOn ? 'add' : 'del', 'blackhole', `${OUTSIDE}/32`);
}

function ip(...words: readonly string[]): boolean {
  return spawnSync('ip', words, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status === 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
