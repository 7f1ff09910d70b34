// A real name server of its own for a test: dnsmasq, with exactly the records it is told.
import type { ChildProcess } from 'node:child_process';
import { userInfo } from 'node:os';
import type { TestContext } from 'node:test';
import { listens, runPeer, stop } from './peers.ts';
import { closedPort } from './ports.ts';

export class NameServer {
  readonly port: number;
  readonly #t: TestContext;
  #child: ChildProcess | undefined = undefined;

  constructor(t: TestContext, port: number) {
    this.#t = t;
    this.port = port;
  }

  /** As it is written in a configuration. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Runs with these records and no others, each an option of dnsmasq without its dashes; `ttl` in seconds is that of all. */
  async serve(records: readonly string[], ttl = 1): Promise<void> {
    await this.stop();
    const args = [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', `--user=${userInfo().username}`],
      ...[`--port=${this.port}`, '--listen-address=127.0.0.1', '--bind-interfaces', '--no-resolv', '--no-hosts'],
      // Names of this domain that are not among the records do not exist.
      ...['--local=/test/', `--local-ttl=${ttl}`, ...records.map((record) => `--${record}`)],
    ];
    this.#child = await runPeer(this.#t, 'dnsmasq', args, () => listens(this.port));
  }

  async stop(): Promise<void> {
    if (this.#child) await stop(this.#child);
    this.#child = undefined;
  }
}

export async function startNameServer(t: TestContext, records: readonly string[], ttl = 1): Promise<NameServer> {
  const server = new NameServer(t, await closedPort());
  await server.serve(records, ttl);
  return server;
}
