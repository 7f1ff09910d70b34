// Pebble, Let's Encrypt's ACME server for tests, with a name server that says every name is this machine.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createAuthority } from './certificates.ts';
import { listens, stop } from './peers.ts';
import { closedPort } from './ports.ts';

export interface PebbleOptions {
  /** Secrets by identifier of accounts outside of ACME; without any none is needed. */
  readonly bindings?: Readonly<Record<string, string>>;
  readonly ocspResponderUrl?: string;
  /** Share of good nonces that are refused, in percent. */
  readonly refusedNonces?: number;
}

export interface Pebble {
  readonly directory: string;
  /** The authority of the server's own certificate, in PEM. */
  readonly authority: string;
  /** Where it looks for answers to http-01 and tls-alpn-01. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** URL of the name server's management: POST of JSON to /set-txt and the like. */
  readonly names: string;
  /** The root of the certificates it issues, in PEM. */
  root(): Promise<string>;
  /** Ends it, as at the end of the test. */
  stop(): Promise<void>;
}

/** Why tests with Pebble are skipped, or false when it is there; with CI=true it has to be. */
export function missingPebble(): string | false {
  const found = spawnSync('sh', ['-c', 'command -v pebble && command -v pebble-challtestsrv']).status === 0;
  return found || process.env.CI === 'true' ? false : 'pebble is not installed';
}

export async function startPebble(t: TestContext, options: PebbleOptions = {}): Promise<Pebble> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-pebble-'));
  const [port, managementPort, httpPort, tlsPort, dnsPort, namesPort] = await Promise.all(
    Array.from({ length: 6 }, closedPort),
  );
  const authority = createAuthority('Pebble');
  const own = authority.issue({ names: ['127.0.0.1'] });
  await writeFile(join(folder, 'cert.pem'), own.cert);
  await writeFile(join(folder, 'key.pem'), own.key);
  const { bindings = {} } = options;
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: join(folder, 'cert.pem'),
    privateKey: join(folder, 'key.pem'),
    httpPort,
    tlsPort,
    ocspResponderURL: options.ocspResponderUrl ?? '',
    externalAccountBindingRequired: Object.keys(bindings).length > 0,
    externalAccountMACKeys: bindings,
  };
  await writeFile(join(folder, 'pebble.json'), JSON.stringify({ pebble }));
  const nameServer = run('pebble-challtestsrv', [
    ...['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${namesPort}`],
    ...['-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
  ]);
  const child = run('pebble', ['-config', join(folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${dnsPort}`], {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(options.refusedNonces ?? 5),
  });
  t.after(async () => {
    await Promise.all([stop(child), stop(nameServer)]);
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all([untilListens(child, port as number), untilListens(nameServer, namesPort as number)]);
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    authority: authority.cert,
    httpPort: httpPort as number,
    tlsPort: tlsPort as number,
    names: `http://127.0.0.1:${namesPort}`,
    root: () => get(`https://127.0.0.1:${managementPort}/roots/0`, authority.cert),
    stop: () => stop(child),
  };
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
}

async function untilListens(child: ChildProcess, port: number): Promise<void> {
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} has ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    https
      .get(url, { ca, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });
}
