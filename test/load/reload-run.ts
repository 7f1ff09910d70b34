// Load on a gateway while everything around it changes: reloads by each of the three ways, an origin that is killed and comes
// back, an origin that drains. What comes of it is for the caller to judge.
import type { TestContext } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { KillableOrigin } from './killable-origin.ts';
import { type Failure, LoadClient } from './load-client.ts';

export interface ReloadRunOptions {
  readonly connections: number;
  readonly seconds: number;
  readonly reloads: number;
  readonly workers: number;
  readonly pauseMs?: number;
}

export interface ReloadRunResult {
  readonly requests: number;
  readonly reloads: number;
  /** Requests that were not answered 200. */
  readonly failures: readonly Failure[];
  /** Those of them that no gateway can save: sent to the killed origin, in flight when it died, not safe to repeat. */
  readonly unavoidable: readonly Failure[];
}

/** In this time a busy gateway learns from the kernel that the other end of its connections is dead. */
const LEARNED_MS = 200;

export async function runReloads(t: TestContext, options: ReloadRunOptions): Promise<ReloadRunResult> {
  const origins = [new KillableOrigin(), new KillableOrigin(), new KillableOrigin()];
  for (const origin of origins) {
    await origin.start();
    t.after(() => origin.kill());
  }
  const gateway = await startTidegate(t, configuration(origins, 0, options.workers));
  const client = new LoadClient({
    port: gateway.port(),
    connections: options.connections,
    ...(options.pauseMs && { pauseMs: options.pauseMs }),
  });
  client.start();
  const stepMs = (options.seconds * 1000) / (options.reloads + 1);
  const [victim, drained] = origins as [KillableOrigin, KillableOrigin];
  let killedAt = 0;
  let reloads = 0;
  for (let step = 0; step < options.reloads; step++) {
    await pause(stepMs);
    await reload(gateway, configuration(origins, step + 1, options.workers), step);
    reloads++;
    if (step === Math.floor(options.reloads / 4)) {
      await victim.kill();
      killedAt = performance.now();
    }
    if (step === Math.floor(options.reloads / 2)) {
      await victim.start();
      await gateway.adminFetch(`/upstreams/app/endpoints/${drained.address}/drain`, 'POST');
    }
    if (step === Math.floor((options.reloads * 3) / 4))
      await gateway.adminFetch(`/upstreams/app/endpoints/${drained.address}/drain`, 'DELETE');
  }
  await pause(stepMs);
  await client.stop();
  const unavoidable = client.failures.filter(
    ({ method, seen, sentAt, failedAt }) =>
      method === 'POST' && seen === '502' && sentAt <= killedAt + LEARNED_MS && failedAt >= killedAt - LEARNED_MS,
  );
  return { requests: client.requests, reloads, failures: client.failures, unavoidable };
}

/** Changes the file and has it taken over; the file's own change is always seen, the other ways come on top of it. */
async function reload(gateway: TestGateway, configuration: string, step: number): Promise<void> {
  const before = (await gateway.admin<{ generation: number }>('/status')).generation;
  await gateway.write(configuration);
  if (step % 3 === 1) gateway.child.kill('SIGHUP');
  if (step % 3 === 2) await gateway.adminFetch('/reload', 'POST');
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > before);
}

/** Differs from step to step in a policy, a route and the weights, and always serves the load. */
function configuration(origins: readonly KillableOrigin[], step: number, workers: number): string {
  const endpoints = origins.map(
    ({ address }, index) => `{ address: '${address}', weight: ${1 + ((index + step) % 2)} }`,
  );
  return `
workers: ${workers}
listeners: { web: { address: '127.0.0.1:0', limits: { requests: 1000000 } } }
logs: { access: { to: off } }
routes:
  - name: other
    match: { path: /other/${step}/* }
    respond: { status: 204 }
  - name: all
    match: { path: /* }
    policies: [{ type: headers, request: { set: { x-step: '${step}' } } }]
    upstream: app
upstreams:
  app:
    balancer: ${step % 2 === 0 ? 'round-robin' : 'two-choices'}
    endpoints: [${endpoints.join(', ')}]
    health: { type: http, path: /healthz, interval: 500ms, timeout: 400ms, healthy: 1, unhealthy: 2 }
`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
