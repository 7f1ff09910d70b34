// Probe: a program of the operator's decides.
import { type ChildProcess, spawn } from 'node:child_process';
import { defineProbe, type ProbeResult, type ProbeTarget } from '#model/probe.ts';
import { s } from '#schema/blocks.ts';

/** What of the first line of its output becomes the reason. */
const MAX_REASON = 200;

export const command = defineProbe({
  type: 'command',
  summary: 'The endpoint is healthy when a program ends with the status 0; it is told the endpoint by its environment.',
  options: () =>
    s.object({
      run: s
        .array(s.string())
        .min(1)
        .describe(
          'The program and its arguments, without a shell. It finds TIDEGATE_HOST, TIDEGATE_PORT and TIDEGATE_SOCKET in its environment, and is killed at the timeout with all that it has started.',
        ),
    }),
  create: ({ run: [program = '', ...args] }) => ({
    check: (target, signal) => {
      const child = spawn(program, args, {
        // A process group of its own, by which all that it starts can be ended.
        detached: true,
        env: { PATH: process.env.PATH, ...describeTarget(target) },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return untilEnd(child, signal);
    },
  }),
});

function untilEnd(child: ChildProcess, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let output = '';
    const settle = (healthy: boolean, reason: string) => {
      signal.removeEventListener('abort', giveUp);
      resolve({ healthy, reason });
    };
    const giveUp = () => {
      killGroup(child);
      // A child that has left the group may hold it open still.
      child.stdout?.destroy();
      settle(false, 'timeout');
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_REASON) output += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) => settle(false, reasonOf(error)));
    // What it leaves running would keep its output open, and is ended for that.
    child.once('exit', () => killGroup(child));
    child.once('close', (code, killer) => {
      const line = output.split('\n', 1)[0]?.slice(0, MAX_REASON) ?? '';
      if (code === 0) settle(true, line || 'the command ended well');
      else settle(false, line || `the command ended with ${code ?? killer}`);
    });
    signal.addEventListener('abort', giveUp);
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left of the group.
  }
}

function describeTarget({ host, port, socketPath }: ProbeTarget): Record<string, string> {
  return { TIDEGATE_HOST: host, TIDEGATE_PORT: String(port), TIDEGATE_SOCKET: socketPath };
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such program';
  return error.code === 'EACCES' ? 'the program may not be run' : error.message;
}
