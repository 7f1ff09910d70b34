// Probe: a program of the operator's decides.
import { execFile } from 'node:child_process';
import { defineProbe, type ProbeTarget } from '#model/probe.ts';
import { s } from '#schema/blocks.ts';

/** What of the first line of its output becomes the reason. */
const MAX_REASON = 200;

export const command = defineProbe({
  type: 'command',
  summary: 'The endpoint is healthy when a program ends with the status 0; it is told the endpoint by its environment.',
  options: s.object({
    run: s
      .array(s.string())
      .min(1)
      .describe(
        'The program and its arguments, without a shell. It finds TIDEGATE_HOST, TIDEGATE_PORT and TIDEGATE_SOCKET in its environment, and is killed at the timeout.',
      ),
  }),
  create: ({ run: [program = '', ...args] }) => ({
    check: (target, signal) =>
      new Promise((resolve) => {
        const env = { PATH: process.env.PATH, ...describeTarget(target) };
        execFile(program, args, { signal, env, killSignal: 'SIGKILL', maxBuffer: 65536 }, (error, stdout) => {
          const line = stdout.split('\n', 1)[0]?.slice(0, MAX_REASON) ?? '';
          if (!error) resolve({ healthy: true, reason: line || 'the command ended well' });
          else if (signal.aborted) resolve({ healthy: false, reason: 'timeout' });
          else resolve({ healthy: false, reason: line || reasonOf(error) });
        });
      }),
  }),
});

function describeTarget({ host, port, socketPath }: ProbeTarget): Record<string, string> {
  return { TIDEGATE_HOST: host, TIDEGATE_PORT: String(port), TIDEGATE_SOCKET: socketPath };
}

function reasonOf(error: Error & { code?: unknown }): string {
  return typeof error.code === 'number' ? `the command ended with ${error.code}` : String(error.code ?? error.message);
}
