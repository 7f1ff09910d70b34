// Runs single probes against servers of a test, and sees to it that no probe leaves a connection open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { ProbeResult } from '#model/probe.ts';
import { probes } from '#probes/index.ts';

export interface Probed {
  readonly port: number;
  readonly sockets: readonly Socket[];
  /** One probe of the server. When it has ended, so has its connection. */
  check(type: string, options?: object, timeoutMs?: number): Promise<ProbeResult>;
}

/** Lets `server` listen on a free port; it is stopped after the test. */
export async function probed(t: TestContext, server: Server): Promise<Probed> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  return {
    port,
    sockets,
    async check(type, options = {}, timeoutMs = 10_000) {
      const result = await runProbe(type, options, port, timeoutMs);
      for (const socket of sockets) await ended(socket);
      return result;
    },
  };
}

/** One probe of 127.0.0.1. */
export function runProbe(type: string, options: object, port: number, timeoutMs = 10_000): Promise<ProbeResult> {
  const module = probes.find((candidate) => candidate.type === type);
  assert.ok(module, `there is no probe ${type}`);
  const probe = module.create(module.options.parse(options));
  return probe.check({ host: '127.0.0.1', port, socketPath: '' }, AbortSignal.timeout(timeoutMs));
}

/** The other side has closed; what it sent is read away for that. */
async function ended(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  socket.resume();
  await once(socket, 'close');
}
