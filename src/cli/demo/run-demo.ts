// Runs the demo: origins, gateway, a trickle of traffic, and the end of all of them.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { startGateway } from '#server/gateway.ts';
import type { Gateway } from '#server/gateway-start.ts';
import { demoConfiguration } from './demo-configuration.ts';
import { requireFreePort } from './free-port.ts';
import { formatGuide } from './guide.ts';
import { type Origin, startOrigins, stopOrigins } from './origins.ts';
import { startTraffic } from './traffic.ts';

export interface DemoOptions {
  readonly port: number;
  readonly adminPort: number;
  readonly traffic: boolean;
}

/** Resolves when a signal has ended the demo and nothing of it is left. */
export async function runDemo(options: DemoOptions): Promise<void> {
  await requireFreePort(options.port, '--port');
  await requireFreePort(options.adminPort, '--admin-port');
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-demo-'));
  try {
    const origins = await startOrigins();
    try {
      await runBefore(origins, folder, options);
    } finally {
      await stopOrigins(origins);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runBefore(origins: readonly Origin[], folder: string, options: DemoOptions): Promise<void> {
  const file = join(folder, 'demo.yaml');
  const facts = { origins, file, accessLog: join(folder, 'access.log'), token: randomBytes(6).toString('hex') };
  // The file holds the token of the admin API.
  await writeFile(file, demoConfiguration({ ...facts, ...options }), { mode: 0o600 });
  const gateway = await startGateway({ file, logLevel: 'warn' });
  const port = gateway.listeners[0]?.port ?? options.port;
  const adminPort = Number(gateway.adminAddress?.split(':').at(-1));
  const command = process.argv[1]?.endsWith('.ts') ? 'bin/tidegate' : 'tidegate';
  const stopTraffic = options.traffic ? startTraffic(port) : () => {};
  process.stdout.write(formatGuide({ ...facts, command, port, adminPort, traffic: options.traffic }));
  const exitCode = await untilStopped(gateway, stopTraffic);
  if (exitCode !== EXIT.ok) throw new CommandError(exitCode, '');
}

/** Ends the traffic first, so that the gateway has nothing to wait for. */
async function untilStopped(gateway: Gateway, stopTraffic: () => void): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopTraffic);
  const exitCode = await gateway.stopped;
  stopTraffic();
  process.stdout.write('The demo has ended.\n');
  return exitCode;
}
