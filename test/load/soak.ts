// `npm run soak`: two million requests through one gateway; its memory is sampled, and in the end nothing may be left of them:
// no connection, no exchange, no timeout. Prints the samples; ends with 1 when the counts do not return to zero.
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { startTidegate } from '../support/gateway.ts';
import { KillableOrigin } from './killable-origin.ts';
import { LoadClient } from './load-client.ts';

const SAMPLE_MS = 5000;

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '2000000' }, connections: { type: 'string', default: '64' } },
});

function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

test('a long run leaves nothing behind', { timeout: 3_600_000 }, async (t) => {
  const origin = new KillableOrigin();
  await origin.start();
  t.after(() => origin.kill());
  const gateway = await startTidegate(
    t,
    `
workers: 2
logs: { access: { format: json, to: /dev/null } }
listeners: { web: { address: '127.0.0.1:0' } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], pool: { idle-timeout: 2s } } }
`,
  );
  const client = new LoadClient({ port: gateway.port(), connections: Number(values.connections) });
  client.start();
  const samples: number[] = [];
  while (client.requests < Number(values.requests)) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    samples.push(residentMiB(gateway.pid));
    t.diagnostic(`${client.requests} requests, ${samples.at(-1)?.toFixed(1)} MiB`);
  }
  await client.stop();
  const half = samples.slice(samples.length >> 1);
  t.diagnostic(`second half: ${Math.min(...half).toFixed(1)} to ${Math.max(...half).toFixed(1)} MiB`);
  t.assert.deepEqual(client.failures.slice(0, 10), []);
  for (const gauge of [
    'listener_connections_active{listener="web"}',
    'listener_exchanges_active{listener="web"}',
    `endpoint_connections_active{upstream="app",endpoint="${origin.address}"}`,
    `endpoint_in_flight{upstream="app",endpoint="${origin.address}"}`,
    'deadlines',
  ]) {
    await until(async () => (await gateway.metric(`tidegate_${gauge}`)) === 0);
    t.diagnostic(`tidegate_${gauge} is 0`);
  }
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}
