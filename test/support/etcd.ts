// A real etcd of its own for a test, spoken to over the JSON gateway of its API.
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { listens, runPeer, stop } from './peers.ts';
import { closedPort } from './ports.ts';

export class Etcd {
  readonly url: string;
  readonly #start: () => Promise<ChildProcess>;
  #child: ChildProcess;

  constructor(url: string, start: () => Promise<ChildProcess>, child: ChildProcess) {
    this.url = url;
    this.#start = start;
    this.#child = child;
  }

  /** Asks the gateway; `content` is put into base64 where the API wants bytes. */
  async post(path: string, content: object, token = ''): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(content),
      headers: token === '' ? {} : { authorization: token },
    });
    if (!response.ok) throw new Error(`etcd answers ${path} with ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  }

  /** Returns the revision. */
  async put(key: string, value: string): Promise<string> {
    const { header } = await this.post('kv/put', { key: base64(key), value: base64(value) });
    return (header as { revision: string }).revision;
  }

  async delete(key: string): Promise<void> {
    await this.post('kv/deleterange', { key: base64(key) });
  }

  /** Ends the process; what it holds stays. */
  async stop(): Promise<void> {
    await stop(this.#child);
  }

  async restart(): Promise<void> {
    this.#child = await this.#start();
  }
}

export async function startEtcd(t: TestContext): Promise<Etcd> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-etcd-'));
  const [client, peer] = [await closedPort(), await closedPort()];
  const url = `http://127.0.0.1:${client}`;
  const args = [
    ...['--data-dir', folder, '--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peer}`, '--log-level', 'error'],
  ];
  const start = () => runPeer(t, 'etcd', args, () => isWell(client, url));
  const etcd = new Etcd(url, start, await start());
  t.after(async () => {
    await etcd.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return etcd;
}

async function isWell(port: number, url: string): Promise<boolean> {
  if (!(await listens(port))) return false;
  const health = await fetch(`${url}/health`).then(
    (response) => response.json() as Promise<{ health: string }>,
    () => undefined,
  );
  return health?.health === 'true';
}

export function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
