// h2load on a gateway with TLS while its configuration is reloaded and its certificate swapped. What comes of it is for the caller to judge.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { authority, certificateFiles, run, secureGet } from '../support/tls.ts';
import { KillableOrigin } from './killable-origin.ts';

export interface Http2ReloadOptions {
  readonly connections: number;
  /** Requests under way on each. */
  readonly streams: number;
  /** Of one run of h2load; it runs again and again until all changes are made. */
  readonly requests: number;
  /** Changes of configuration and certificate together. */
  readonly changes: number;
  readonly workers: number;
}

export interface Http2ReloadResult {
  readonly requests: number;
  /** Answered 2xx; the others failed in whatever way. */
  readonly succeeded: number;
  readonly changes: number;
  /** What h2load said of each run: requests and statuses. */
  readonly said: readonly string[];
}

export async function runHttp2Reloads(t: TestContext, options: Http2ReloadOptions): Promise<Http2ReloadResult> {
  const origins = [new KillableOrigin(), new KillableOrigin()];
  for (const origin of origins) {
    await origin.start();
    t.after(() => origin.kill());
  }
  const gateway = await startTidegate(t, configuration(origins, 0, options.workers), { files: newCertificate() });
  const total = { requests: 0, succeeded: 0 };
  const said: string[] = [];
  let changes = 0;
  const load = async (): Promise<void> => {
    do {
      const { requests, succeeded, text } = await runH2load(gateway, options);
      said.push(text);
      total.requests += requests;
      total.succeeded += succeeded;
    } while (changes < options.changes);
  };
  const loading = load();
  while (changes < options.changes) {
    await change(gateway, configuration(origins, changes + 1, options.workers));
    changes++;
  }
  await loading;
  return { ...total, changes, said };
}

async function runH2load(gateway: TestGateway, { connections, streams, requests }: Http2ReloadOptions) {
  const counts = [`-n${requests}`, `-c${connections}`, `-m${streams}`, '-t1'];
  const output = await run('h2load', [...counts, `https://127.0.0.1:${gateway.port()}/load`]);
  const [, succeeded] = /^status codes: (\d+) 2xx/m.exec(output) ?? [];
  if (succeeded === undefined) throw new Error(`h2load said nothing of use: ${output}`);
  const text = output
    .split('\n')
    .filter((line) => /^(?:requests|status codes):/.test(line))
    .join('; ');
  return { requests, succeeded: Number(succeeded), text };
}

/** Changes certificate and configuration, and waits until new connections get the one and requests the other. */
async function change(gateway: TestGateway, configuration: string): Promise<void> {
  const before = await secureGet(gateway.port());
  for (const [name, text] of Object.entries(newCertificate())) await writeFile(join(dirname(gateway.file), name), text);
  const { generation } = await gateway.admin<{ generation: number }>('/status');
  await gateway.write(configuration);
  await gateway.untilAdmin<{ generation: number }>('/status', (status) => status.generation > generation);
  while ((await secureGet(gateway.port())).fingerprint === before.fingerprint)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

function newCertificate(): Record<string, string> {
  return certificateFiles({ site: authority.issue({ names: ['localhost', '127.0.0.1'] }) });
}

/** Differs from step to step in a route, a policy and the weights, and always serves the load, with the pools that everybody has. */
function configuration(origins: readonly KillableOrigin[], step: number, workers: number): string {
  const endpoints = origins.map(
    ({ address }, index) => `{ address: '${address}', weight: ${1 + ((index + step) % 2)} }`,
  );
  return `
workers: ${workers}
listeners:
  web:
    address: '127.0.0.1:0'
    limits: { requests: 100000000 }
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
logs: { access: { to: off } }
routes:
  - { name: other, match: { path: /other/${step}/* }, respond: { status: 204 } }
  - name: all
    match: { path: /* }
    policies: [{ type: headers, request: { set: { x-step: '${step}' } } }]
    upstream: app
upstreams:
  app:
    endpoints: [${endpoints.join(', ')}]
`;
}
