// Origins that run as processes and can be killed and started again on the same port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('origin-process.ts', import.meta.url));

export class KillableOrigin {
  port = 0;
  #child: ChildProcess | undefined;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when it listens: on the port it had before, if it had one. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, String(this.port)], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    this.port = Number(line.toString());
  }

  /** Ends it as a crash would: no FIN is sent by the program, connections are reset by the kernel. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
