// Origins that run as processes: they can be killed and started again on the same port, stopped for a while, and told to misbehave.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('origin-process.ts', import.meta.url));

export interface OriginPlace {
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** What the process is started with, such as a command that enters a network namespace. */
  readonly prefix?: readonly string[];
}

export class KillableOrigin {
  port: number;
  readonly host: string;
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;

  constructor({ host = '127.0.0.1', port = 0, prefix = [] }: OriginPlace = {}) {
    this.host = host;
    this.port = port;
    this.#prefix = prefix;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** Resolves when it listens: on the port it had before, if it had one. */
  async start(): Promise<void> {
    const [command = '', ...words] = [...this.#prefix, process.execPath, PROGRAM, String(this.port), this.host];
    const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    this.port = Number(line.toString());
  }

  /** See `origin-process.ts`. */
  behave(how: string): void {
    this.#child?.stdin?.write(`${how}\n`);
  }

  /** It does nothing any more, and its connections stay, until `proceed`. */
  stop(): void {
    this.#child?.kill('SIGSTOP');
  }

  proceed(): void {
    this.#child?.kill('SIGCONT');
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
