// Runs the operator's program that puts TXT records in place for dns-01 (RFC 8555 section 8.4), and takes them away.
import { spawn } from 'node:child_process';

/** What of its output goes into an error. */
const MAX_OUTPUT = 300;

export type DnsAction = 'present' | 'cleanup';

export interface DnsHook {
  readonly command: readonly string[];
  /** What it finds in its environment, beside PATH and HOME. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs the hook with `action`, the name of the record and its value behind its own arguments, without a shell. Rejects when it ends with
 * another status than 0, or the signal aborts: then it is killed with all that it started.
 */
export function runDnsHook(
  { command, env }: DnsHook,
  record: { readonly action: DnsAction; readonly name: string; readonly value: string },
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, record.action, record.name, record.value], {
    // A process group of its own, by which all that it starts can be ended.
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let output = '';
    const take = (text: string) => {
      if (output.length < MAX_OUTPUT) output += text;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const giveUp = () => {
      killGroup(child.pid);
      // A child that has left the group may hold it open still.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(new Error(`the DNS hook did not end in time: ${program} ${record.action} ${record.name}`));
    };
    child.once('error', (error) => {
      signal.removeEventListener('abort', giveUp);
      reject(new Error(`the DNS hook cannot be run: ${error.message}`));
    });
    // What it leaves running would keep its output open, and is ended for that.
    child.once('exit', () => killGroup(child.pid));
    child.once('close', (code, killer) => {
      signal.removeEventListener('abort', giveUp);
      if (code === 0) resolve();
      else reject(new Error(`the DNS hook ended with ${code ?? killer}: ${output.trim().slice(0, MAX_OUTPUT)}`));
    });
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left of the group.
  }
}
