// Programs of the system as peers in tests: other proxies, name servers, stores; each in a temporary folder and on free ports.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

type Program =
  | 'haproxy'
  | 'nginx'
  | 'dnsmasq'
  | 'etcd'
  | 'redis-server'
  | 'curl'
  | 'nghttp'
  | 'nghttpd'
  | 'h2load'
  | 'chromium';

/** Why tests with this peer are skipped, or false when it is there; with CI=true it has to be. */
export function missing(program: Program): string | false {
  const found = spawnSync('sh', ['-c', `command -v ${program}`], { env }).status === 0;
  return found || process.env.CI === 'true' ? false : `${program} is not installed`;
}

/** Starts a peer with a configuration, waits until it listens on `port`, and ends it after the test. */
export async function startPeer(
  t: TestContext,
  program: 'haproxy' | 'nginx',
  port: number,
  configuration: (folder: string) => string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-peer-'));
  const file = join(folder, 'peer.conf');
  await writeFile(file, configuration(folder));
  const args = program === 'nginx' ? ['-e', join(folder, 'error.log'), '-c', file] : ['-f', file];
  const peer = await runPeer(t, program, args, () => listens(port));
  t.after(async () => {
    await stop(peer);
    await rm(folder, { recursive: true, force: true });
  });
}

/** Starts a program, waits until it is ready, and ends it after the test. */
export async function runPeer(
  t: TestContext,
  program: Program,
  args: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  t.after(() => stop(child));
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`${program} has ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

/** Ends a peer; resolves when it is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Whether somebody accepts connections on a port of this machine. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
