// A gateway for tests: `bin/tidegate run FILE` as a process of its own, with what it logs and what its admin API says.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../bin/tidegate', import.meta.url));

/** Token of the admin API of gateways in tests. */
export const ADMIN_TOKEN = 'token-for-tests';

/** What a configuration gets where it says nothing: one listener `web` on a free port, the access log on standard output. */
const DEFAULTS = {
  version: '1',
  workers: '1',
  admin: `{ address: '127.0.0.1:0', token: ${ADMIN_TOKEN} }`,
  listeners: `{ web: { address: '127.0.0.1:0' } }`,
  logs: '{ access: { format: json, to: stdout } }',
};

/** How long something may take that a test waits for, on a machine as slow as may be. */
const PATIENCE_MS = 60_000;

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };
export type AccessRecord = Readonly<Record<string, unknown>>;

interface ReadyLine {
  readonly admin: string;
  readonly listeners: readonly { readonly name: string; readonly port: number }[];
}

export class TestGateway {
  readonly child: ChildProcess;
  readonly file: string;
  /** Lines of the program's own log so far. */
  readonly log: LogLine[] = [];
  /** Lines of standard output so far: the access log. */
  readonly output: string[] = [];
  #ready: ReadyLine | undefined;
  readonly #wake = new Set<() => void>();
  readonly #exit: Promise<number | null>;
  #gone = false;

  constructor(child: ChildProcess, file: string) {
    this.child = child;
    this.file = file;
    this.#exit = once(child, 'close').then(([code]) => {
      this.#gone = true;
      this.#changed();
      return code as number | null;
    });
    this.#lines('stdout', (line) => this.output.push(line));
    this.#lines('stderr', (line) => this.log.push(parseLogLine(line)));
  }

  /** Port of a listener; of the first one without a name. */
  port(listener?: string): number {
    const found = this.#ready?.listeners.find(({ name }) => listener === undefined || name === listener);
    if (!found) throw new Error(`the gateway has no listener ${listener ?? ''}`);
    return found.port;
  }

  /** `host:port` of the admin API. */
  get adminAddress(): string {
    return this.#ready?.admin ?? '';
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Access records so far, parsed. */
  get records(): readonly AccessRecord[] {
    return this.output.map((line) => JSON.parse(line) as AccessRecord);
  }

  /** Resolves with the first value of `look` that is not `undefined`, asked whenever the gateway has said something. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#gone) throw new Error(`the gateway has ended; its log: ${JSON.stringify(this.log)}`);
      await new Promise<void>((resolve) => this.#wake.add(resolve));
    }
  }

  /** The access records, once there are `count` of them. */
  untilRecords(count: number): Promise<readonly AccessRecord[]> {
    return this.until(() => (this.output.length >= count ? this.records : undefined));
  }

  /** The first line of the log whose message matches. */
  untilLogged(message: string | RegExp): Promise<LogLine> {
    return this.until(() =>
      this.log.find(({ msg }) => (typeof message === 'string' ? msg === message : message.test(msg))),
    );
  }

  async ready(): Promise<void> {
    this.#ready = (await this.untilLogged('ready')) as unknown as ReadyLine;
  }

  /** Asks the admin API and returns the parsed answer; with the token when `method` is not GET. */
  async admin<T = Record<string, unknown>>(path: string, method = 'GET'): Promise<T> {
    const response = await this.adminFetch(path, method);
    return (await response.json()) as T;
  }

  adminFetch(path: string, method = 'GET'): Promise<Response> {
    const headers = { connection: 'close', ...(method !== 'GET' && { authorization: `Bearer ${ADMIN_TOKEN}` }) };
    return fetch(`http://${this.#ready?.admin}${path}`, { method, headers });
  }

  /** Asks `path` of the admin API again and again until `isIt` holds. */
  async untilAdmin<T>(path: string, isIt: (answer: T) => boolean): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.admin<T>(path);
      if (isIt(answer)) return answer;
      if (Date.now() > deadline)
        throw new Error(`not so after ${PATIENCE_MS} ms, ${path} says ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Value of a metric by its name and labels as they stand in the exposition; 0 when it is not there. */
  async metric(name: string): Promise<number> {
    const text = await (await this.adminFetch('/metrics')).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }

  /** Writes the configuration file anew; the gateway sees that by itself. */
  async write(configuration: string): Promise<void> {
    await writeFile(this.file, withDefaults(configuration));
  }

  /** Writes a file beside the configuration. */
  async writeBeside(name: string, text: string): Promise<void> {
    await writeFile(join(dirname(this.file), name), text);
  }

  /** Resolves with the exit code when the process has ended by itself. */
  get exit(): Promise<number | null> {
    return this.#exit;
  }

  /** Sends SIGTERM and resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return await this.#exit;
  }

  async kill(): Promise<void> {
    if (!this.#gone) this.child.kill('SIGKILL');
    await this.#exit;
  }

  #lines(name: 'stdout' | 'stderr', take: (line: string) => void): void {
    const stream = this.child[name];
    if (!stream) throw new Error(`${name} is not a pipe`);
    createInterface({ input: stream }).on('line', (line) => {
      take(line);
      this.#changed();
    });
  }

  #changed(): void {
    const wake = [...this.#wake];
    this.#wake.clear();
    for (const resolve of wake) resolve();
  }
}

/** Takes what is to be done after the test, as a test's context does. */
export interface CleansUp {
  after(cleanup: () => unknown): unknown;
}

export interface GatewayTestOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Starts a gateway with a configuration in YAML, completed by `DEFAULTS`; it is ended after the test. */
export async function startTidegate(
  t: CleansUp,
  configuration: string,
  options: GatewayTestOptions = {},
): Promise<TestGateway> {
  const gateway = await spawnTidegate(t, configuration, options);
  await gateway.ready();
  return gateway;
}

/** The same without waiting until it is ready. */
export async function spawnTidegate(
  t: CleansUp,
  configuration: string,
  { env = {}, files = {} }: GatewayTestOptions = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  const file = join(folder, 'tidegate.yaml');
  await writeFile(file, withDefaults(configuration));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const child = spawn(LAUNCHER, ['run', file], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const gateway = new TestGateway(child, file);
  t.after(async () => {
    await gateway.kill();
    await rm(folder, { recursive: true, force: true });
  });
  return gateway;
}

function withDefaults(configuration: string): string {
  const missing = Object.entries(DEFAULTS).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(configuration));
  return [...missing.map(([key, value]) => `${key}: ${value}`), configuration].join('\n');
}

/** The program says its own errors before the log exists as plain text. */
function parseLogLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'text', msg: line };
  }
}

/** The usual configuration of a test: everything goes to one upstream `app` with these endpoints. */
export function proxyTo(...endpoints: readonly { readonly address: string }[]): string {
  return `
routes:
  - { name: all, match: { path: /* }, upstream: app }
upstreams:
  app: { endpoints: [${endpoints.map(({ address }) => `'${address}'`).join(', ')}] }
`;
}
