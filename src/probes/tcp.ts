// Probe: the endpoint accepts a connection.
import net from 'node:net';
import { defineProbe, type ProbeResult } from '#model/probe.ts';
import { s } from '#schema/blocks.ts';

export const tcp = defineProbe({
  type: 'tcp',
  summary: 'The endpoint is healthy when it accepts a connection.',
  options: s.object({}),
  create: () => ({
    check: (target, signal) =>
      new Promise<ProbeResult>((resolve) => {
        const socket = net.connect(
          target.socketPath === '' ? { host: target.host, port: target.port } : { path: target.socketPath },
        );
        const finish = (healthy: boolean, reason: string) => {
          socket.destroy();
          resolve({ healthy, reason });
        };
        socket.once('connect', () => finish(true, 'connected'));
        socket.once('error', (error: NodeJS.ErrnoException) => finish(false, error.code ?? error.message));
        signal.addEventListener('abort', () => finish(false, 'timeout'), { once: true });
      }),
  }),
});
