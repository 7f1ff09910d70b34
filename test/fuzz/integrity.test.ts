// A running gateway between many clients and origins that behave by chance, well and badly: whoever pauses, leaves or breaks, every
// byte reaches its own request, nothing hangs, and nothing is left behind.
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ERROR_KINDS, type ErrorCode } from '#model/proxy-error.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import {
  BrokenOff,
  ByteSource,
  breakOff,
  Comparison,
  Contents,
  Dice,
  framed,
  type Head,
  type Plan,
  planRequest,
  sleep,
  write,
} from './integrity-plan.ts';
import { fuzzSeed } from './mutate.ts';

const SECONDS = Number(process.env.TIDEGATE_FUZZ_SECONDS ?? 12);
const ROUND_MS = 2000;
const AT_ONCE = 64;
/** Of every wait of the gateway; the queue for a connection is shorter. */
const TIMEOUT_MS = 1000;
/** Three attempts that time out, the pauses of both peers, and what a busy machine adds. */
const LIMIT_MS = 8000;
const SETTLE_MS = 6000;
const MAX_BODY = 200_000;
/** What the gateway reads behind an answer before it breaks the connection off; a client may then lose the answer. */
const LINGER_BYTES = 900_000;
const USERS = 200;
const SALT = Buffer.from('integrity');
const HASH = `scrypt$1024$8$1$${SALT.toString('base64')}$${scryptSync('secret', SALT, 32, { N: 1024, r: 8, p: 1 }).toString('base64')}`;

/** What is known of one request from both of its ends. */
interface Facts {
  readonly plan: Plan;
  /** How often an origin saw its head. */
  heads: number;
  /** Whether an origin saw all of it. */
  whole: boolean;
  /** Whether an origin has broken off or kept silent. */
  failed: boolean;
  /** Status the client was answered with; 0 before. */
  status: number;
  /** Whether the gateway has got all of the head, as far as the client knows. */
  read: boolean;
}

/** One gateway, its origins and all that happens there. */
class World {
  readonly violations: string[] = [];
  readonly facts = new Map<number, Facts>();
  readonly codes = new Map<string, number>();
  readonly dice: Dice;
  readonly contents: Contents;
  /** Whether there are policies: names and passwords, a limit of content, changed fields. */
  readonly guarded: boolean;
  /** Folder of Unix sockets, where all goes over such; else ''. */
  readonly folder: string;
  /** Whether an origin has closed an idle connection unannounced: what is on its way then is lost. */
  closesSilently = false;
  readonly #t: TestContext;
  readonly #seed: number;

  constructor(t: TestContext, seed: number, contents: Contents) {
    this.#t = t;
    this.#seed = seed;
    this.dice = new Dice(seed);
    this.contents = contents;
    this.guarded = this.dice.chance(0.4);
    this.folder = this.dice.chance(0.4) ? mkdtempSync(join(tmpdir(), 'tidegate-integrity-')) : '';
    t.after(() => this.folder !== '' && rmSync(this.folder, { recursive: true }));
  }

  diceOf(id: number, side: number): Dice {
    return new Dice(this.#seed + 3 * id + side);
  }

  plan(ahead: boolean): Facts {
    const id = this.facts.size;
    const facts = {
      plan: planRequest(id, this.diceOf(id, 0), ahead),
      heads: 0,
      whole: false,
      failed: false,
      status: 0,
      read: true,
    };
    this.facts.set(id, facts);
    return facts;
  }

  violated(what: string, facts?: Facts): void {
    this.violations.push(facts ? `${what}: ${JSON.stringify(facts)}` : what);
  }

  /** Starts an origin; returns its address. */
  async listen(name: string): Promise<string> {
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      serve(this, socket).catch((error) => {
        if (!(error instanceof BrokenOff)) this.violated(`the gateway sends what is no request: ${error}`);
        socket.destroy();
      });
    });
    if (this.folder === '') server.listen(0, '127.0.0.1');
    else server.listen(join(this.folder, name));
    await once(server, 'listening');
    this.#t.after(() => {
      server.close();
      for (const socket of open) socket.destroy();
    });
    const address = server.address() as AddressInfo | string;
    return typeof address === 'string' ? `unix:${address}` : `127.0.0.1:${address.port}`;
  }
}

/** One connection of an origin. */
async function serve(world: World, socket: Socket): Promise<void> {
  const source = new ByteSource(socket);
  for (let useless = false; ; ) {
    const head = await source.head();
    const [method, target] = head.start.split(' ');
    const facts = world.facts.get(Number(target?.slice(3)));
    if (!facts) throw new Error(head.start);
    if (useless) world.violated('a request follows bytes that belonged to nothing', facts);
    facts.heads++;
    const { plan } = facts;
    if (method !== plan.method || head.fields.get('x-id') !== String(plan.id)) world.violated(head.start, facts);
    if (head.fields.get('x-marked') !== (world.guarded ? 'yes' : undefined)) world.violated('not marked', facts);
    if (method === 'POST' && facts.heads > 1) world.violated('sent twice', facts);
    const answered = await new Answering(world, facts, socket, source).answer(head);
    if (!answered) return;
    useless = plan.answer.behind === 'surplus' && hasContent(plan);
  }
}

function hasContent({ method, answer }: Plan): boolean {
  return method !== 'HEAD' && answer.size > 0;
}

/** What an origin does with one request. */
class Answering {
  readonly #world: World;
  readonly #facts: Facts;
  readonly #socket: Socket;
  readonly #source: ByteSource;
  readonly #dice: Dice;

  constructor(world: World, facts: Facts, socket: Socket, source: ByteSource) {
    this.#world = world;
    this.#facts = facts;
    this.#socket = socket;
    this.#source = source;
    this.#dice = world.diceOf(facts.plan.id, 1);
  }

  /** Returns whether the connection goes on. */
  async answer(head: Head): Promise<boolean> {
    const { answer } = this.#facts.plan;
    const fault = this.#facts.heads === 1 ? answer.fault : 'none';
    if (fault !== 'none') this.#facts.failed = true;
    await this.#dice.pause();
    if (fault === 'reset-before') {
      breakOff(this.#socket);
      return false;
    }
    if (head.fields.has('expect') && answer.when !== 'early') this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    if (answer.when === 'after' || fault === 'silent') await this.#read(head);
    if (fault === 'silent') {
      await this.#source.end();
      return false;
    }
    for (let i = 0; i < answer.interim; i++) this.#socket.write(`HTTP/1.1 103 Early Hints\r\nX-Hint: ${i}\r\n\r\n`);
    const responding = this.#respond(fault);
    if (answer.when === 'meanwhile') await this.#read(head);
    if (!(await responding)) {
      await this.#source.end();
      return false;
    }
    if (answer.when === 'early') await this.#read(head);
    return await this.#leave();
  }

  /** Reads the content of the request. */
  async #read(head: Head): Promise<void> {
    const { plan } = this.#facts;
    const comparison = new Comparison(this.#world.contents.request(plan));
    const isFramed = head.fields.has('transfer-encoding') || head.fields.has('content-length');
    try {
      if (isFramed) await this.#source.content(head, comparison.take, this.#dice);
      if (!comparison.whole) this.#world.violated(`whole with ${comparison.received} bytes`, this.#facts);
      this.#facts.whole = true;
    } finally {
      if (comparison.differsAt >= 0)
        this.#world.violated(`the origin got other content from ${comparison.differsAt} on`, this.#facts);
    }
  }

  async #respond(fault: string): Promise<boolean> {
    const { plan } = this.#facts;
    const { answer, id, method } = plan;
    const content = this.#world.contents.response(plan);
    let fields = `X-Id: ${id}\r\n`;
    if (answer.framing === 'length') fields += `Content-Length: ${answer.size}\r\n`;
    if (answer.framing === 'chunked') fields += 'Transfer-Encoding: chunked\r\n';
    if (answer.behind === 'close') fields += 'Connection: close\r\n';
    const head = Buffer.from(`HTTP/1.1 ${answer.status} X\r\n${fields}\r\n`);
    const message = method === 'HEAD' ? head : Buffer.concat([head, framed(content, answer.framing, this.#dice)]);
    if (fault === 'reset-within' || fault === 'stall-within') {
      await write(this.#socket, message.subarray(0, this.#dice.between(0, message.length - 1)), this.#dice);
      if (fault === 'reset-within') breakOff(this.#socket);
      return false;
    }
    const surplus = answer.behind === 'surplus' && answer.framing !== 'close' && hasContent(plan);
    const tail = surplus ? 'HTTP/1.1 200 OK\r\nX-Id: surplus\r\nContent-Length: 0\r\n\r\n' : '';
    await write(this.#socket, message, this.#dice, { tail });
    return true;
  }

  async #leave(): Promise<boolean> {
    const { answer, method } = this.#facts.plan;
    const endsContent = answer.framing === 'close' && method !== 'HEAD';
    if (answer.behind === 'close-silently') {
      this.#world.closesSilently = true;
      await this.#dice.pause();
    } else if (answer.behind !== 'close' && !endsContent) {
      return true;
    }
    this.#socket.destroySoon();
    return false;
  }
}

type Ending = 'close' | 'half-close' | 'abort' | 'half-close-within' | 'stall-sending' | 'stall-reading';

/** One client connection with its requests. */
class Client {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #socket: Socket;
  readonly #source: ByteSource;
  readonly #requests: readonly Facts[];
  readonly #ahead: boolean;
  readonly #ending: Ending;
  /** Bytes after which a client that does not behave stops. */
  readonly #endsAt: number;
  #sent = 0;
  #stopped = false;
  /** Whether the gateway may close without saying so: it answered before it had the whole request. */
  #mayClose = false;
  #continue: () => void = () => {};

  constructor(world: World, gateway: TestGateway) {
    this.#world = world;
    const dice = world.diceOf(world.facts.size, 2);
    this.#dice = dice;
    this.#ahead = dice.chance(0.3);
    this.#requests = Array.from({ length: dice.between(1, 5) }, () => world.plan(this.#ahead));
    const badly = dice.chance(0.2);
    this.#ending = badly
      ? dice.pick(['abort', 'abort', 'abort', 'half-close-within', 'stall-sending', 'stall-reading'])
      : dice.pick(['close', 'close', 'half-close']);
    this.#endsAt = dice.between(0, dice.pick([200, 2000, 100_000, 500_000]));
    const target = world.folder === '' ? { port: gateway.port() } : { path: join(world.folder, 'gateway') };
    this.#socket = connect({ host: '127.0.0.1', noDelay: true, allowHalfOpen: true, ...target });
    this.#source = new ByteSource(this.#socket);
  }

  get #behaves(): boolean {
    return this.#ending === 'close' || this.#ending === 'half-close';
  }

  toString(): string {
    const ids = this.#requests.map(({ plan }) => plan.id);
    return `${ids.join(this.#ahead ? ' ahead of ' : ', then ')}, then ${this.#ending}; ${this.#sent} bytes sent`;
  }

  async run(): Promise<void> {
    if (this.#ending === 'abort' && this.#dice.chance(0.5))
      setTimeout(() => this.#socket.destroy(), this.#dice.between(1, 200));
    let sending = this.#ahead ? this.#sendAll(this.#requests) : Promise.resolve();
    for (const facts of this.#requests) {
      const timer = setTimeout(() => this.#hangs(facts), LIMIT_MS);
      if (!this.#ahead) sending = this.#sendAll([facts]);
      const goesOn = await this.#receive(facts);
      this.#continue();
      if (!goesOn) this.#stopped = true;
      if (goesOn && !this.#ahead) await sending;
      clearTimeout(timer);
      if (!goesOn) break;
      if (!this.#ahead) await this.#dice.pause();
    }
    if (this.#behaves && !this.#stopped) await this.#checkNothingFollows();
    this.#socket.destroy();
    await sending;
  }

  #hangs(facts: Facts): void {
    this.#world.violated(`no end after ${LIMIT_MS} ms (${this})`, facts);
    this.#socket.destroy();
  }

  async #checkNothingFollows(): Promise<void> {
    await sleep(this.#dice.between(0, 20));
    if (this.#source.unread.length > 0)
      this.#world.violated(`bytes that belong to nothing: ${this.#source.unread.toString('latin1', 0, 200)}`);
  }

  async #sendAll(requests: readonly Facts[]): Promise<void> {
    for (const { plan } of requests) {
      const dice = this.#world.diceOf(plan.id, 2);
      const content = framed(this.#world.contents.request(plan), plan.framing, dice);
      const head = Buffer.from(this.#headOf(plan, dice));
      if (plan.expect) {
        const answered = new Promise<void>((resolve) => {
          this.#continue = resolve;
        });
        await this.#send(head, dice);
        await Promise.race([answered, sleep(300)]);
        await this.#send(content, dice);
      } else await this.#send(Buffer.concat([head, content]), dice);
    }
    if (this.#ending === 'half-close' && requests.at(-1) === this.#requests.at(-1)) this.#socket.end();
  }

  async #send(bytes: Buffer, dice: Dice): Promise<void> {
    if (this.#stopped) return;
    const left = this.#behaves ? Number.POSITIVE_INFINITY : Math.max(0, this.#endsAt - this.#sent);
    this.#sent += bytes.length;
    const goesOn = () => !this.#stopped && !this.#source.ended;
    await write(this.#socket, bytes.subarray(0, left), dice, { goesOn });
    if (left > bytes.length || this.#stopped) return;
    this.#stopped = true;
    if (this.#ending === 'half-close-within') this.#socket.end();
    else if (this.#ending === 'abort') breakOff(this.#socket);
    else if (this.#ending === 'stall-reading') {
      this.#socket.pause();
      setTimeout(() => this.#socket.destroy(), 3 * TIMEOUT_MS);
    }
  }

  #headOf(plan: Plan, dice: Dice): string {
    const lines = [`${plan.method} /r/${plan.id} HTTP/${plan.version}`, 'Host: a', `X-Id: ${plan.id}`];
    if (plan.framing === 'length') lines.push(`Content-Length: ${plan.size}`);
    if (plan.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
    if (plan.keepAlive === (plan.version === '1.0'))
      lines.push(`Connection: ${plan.keepAlive ? 'keep-alive' : 'close'}`);
    if (plan.expect) lines.push('Expect: 100-continue');
    const user = `user${dice.between(0, USERS - 1)}:${plan.admitted ? 'secret' : 'wrong'}`;
    lines.push(`Authorization: Basic ${Buffer.from(user).toString('base64')}`, `X-Marked: ${dice.between(0, 9)}`);
    return `${lines.filter((line) => this.#world.guarded || !line.startsWith('X-Marked')).join('\r\n')}\r\n\r\n`;
  }

  /** Returns whether the connection goes on. */
  async #receive(facts: Facts): Promise<boolean> {
    try {
      let head = await this.#source.head();
      while (head.start.startsWith('HTTP/1.1 1')) {
        if (facts.plan.version === '1.0') this.#world.violated('an informational response to HTTP/1.0', facts);
        this.#continue();
        head = await this.#source.head();
      }
      facts.status = Number(head.start.slice(9, 12));
      if (head.fields.has('proxy-status')) await this.#takeOwn(facts, head);
      else await this.#takeRelayed(facts, head);
      if (facts.plan.size > 0 && facts.plan.answer.when !== 'after') this.#mayClose = true;
      return !this.#endsConnection(facts, head);
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      if (!this.#mayBreak(facts)) this.#world.violated(`broken off (${error.message}, ${this})`, facts);
      return false;
    }
  }

  #endsConnection(facts: Facts, { fields }: Head): boolean {
    const { plan } = facts;
    const connection = fields.get('connection');
    const mayGoOn = plan.version === '1.1' && plan.keepAlive && facts !== this.#requests.at(-1);
    // An answer that came behind the whole request leaves no reason to end what the client wants to go on.
    if (mayGoOn && this.#behaves && !this.#mayClose && connection === 'close' && !fields.has('proxy-status'))
      this.#world.violated(`closed ahead of what is behind (${this})`, facts);
    return connection === 'close' || (plan.version === '1.0' && connection !== 'keep-alive') || this.#source.ended;
  }

  #mayBreak({ plan, failed, whole }: Facts): boolean {
    if (!this.#behaves || this.#mayClose || failed) return true;
    if (this.#world.guarded && plan.size > MAX_BODY) return true;
    return plan.size > LINGER_BYTES && !whole;
  }

  /** An answer that the gateway made. */
  async #takeOwn(facts: Facts, head: Head): Promise<void> {
    const { plan } = facts;
    const status = head.fields.get('proxy-status') ?? '';
    const code = (/error=([a-z_]+)/.exec(status)?.[1] ?? /details="([^"]*)"/.exec(status)?.[1] ?? '') as ErrorCode;
    if (code === 'request-head-timeout') facts.read = false;
    this.#world.codes.set(code, (this.#world.codes.get(code) ?? 0) + 1);
    if (ERROR_KINDS[code]?.status !== facts.status || !this.#isDue(code, facts))
      this.#world.violated(`answered ${facts.status} ${status}`, facts);
    if (plan.method === 'HEAD') return;
    const chunks: Buffer[] = [];
    await this.#source.content(head, (bytes) => void chunks.push(bytes), this.#dice);
    const problem = JSON.parse(Buffer.concat(chunks).toString()) as { readonly code: unknown };
    if (problem.code !== code) this.#world.violated(`answered with the problem ${JSON.stringify(problem)}`, facts);
  }

  /** Whether there is a reason for such an answer. */
  #isDue(code: ErrorCode, { plan, failed }: Facts): boolean {
    if (code === 'connection_limit_reached' || failed) return true;
    if (code === 'request-body-too-large') return this.#world.guarded && plan.size > MAX_BODY;
    if (code === 'unauthorized') return this.#world.guarded && !plan.admitted;
    if (code === 'request-head-timeout' || code === 'request-body-timeout') return !this.#behaves;
    // A connection that was kept may be closed by its origin at the moment when the request is sent on it.
    const repeatable = plan.method !== 'POST' && plan.framing === 'none';
    return code === 'connection_terminated' && this.#world.closesSilently && !repeatable;
  }

  /** An answer that an origin made. */
  async #takeRelayed(facts: Facts, head: Head): Promise<void> {
    const { plan } = facts;
    const { answer } = plan;
    const id = head.fields.get('x-id');
    if (id !== String(plan.id) || facts.status !== answer.status || facts.heads === 0)
      this.#world.violated(`answered ${head.start} of ${id}`, facts);
    if (this.#world.guarded && head.fields.get('x-done') !== String(answer.status))
      this.#world.violated(`done ${head.fields.get('x-done')}`, facts);
    if (plan.method === 'HEAD' || answer.status === 204) return;
    const comparison = new Comparison(this.#world.contents.response(plan));
    try {
      await this.#source.content(head, comparison.take, this.#dice);
      // Where there is no reset, content that ends with the connection cannot be told from such as breaks off.
      const isSure = this.#world.folder === '' || !this.#mayBreak(facts);
      if (isSure && !comparison.whole) this.#world.violated(`whole with ${comparison.received} bytes`, facts);
    } finally {
      if (comparison.differsAt >= 0)
        this.#world.violated(`the client got other content from ${comparison.differsAt} on`, facts);
    }
  }
}

function configuration(world: World, workers: number, addresses: readonly string[]): string {
  const { dice } = world;
  const users = Array.from({ length: USERS }, (_, i) => `{ name: user${i}, password-hash: '${HASH}' }`).join(', ');
  const policies = `[
    { type: basic-auth, users: [${users}] },
    { type: max-body, size: ${MAX_BODY}B },
    { type: headers, request: { set: { x-marked: 'yes' } }, response: { set: { x-done: '\${response.status}' } } },
  ]`;
  const timeout = `${TIMEOUT_MS}ms`;
  return `
workers: ${workers}
listeners:
  web:
    address: '${world.folder === '' ? '127.0.0.1:0' : `unix:${join(world.folder, 'gateway')}`}'
    timeouts: { head: ${timeout}, body: ${timeout}, keep-alive: ${timeout}, send: ${timeout} }
routes: [{ name: all, match: { path: /* }, upstream: app, policies: ${world.guarded ? policies : '[]'} }]
upstreams:
  app:
    endpoints: [${addresses.map((address) => `'${address}'`).join(', ')}]
    eject: { after: 0 }
    timeouts: { connect: ${timeout}, first-byte: ${timeout}, idle: ${timeout} }
    pool: { max-connections: ${dice.between(2, 4)}, max-idle: ${dice.pick([1, 4])}, max-requests: ${dice.pick([3, 1000])}, idle-timeout: 300ms, wait-timeout: 400ms }
`;
}

const GAUGES =
  /^(?:tidegate_listener_connections_active|tidegate_listener_exchanges_active|tidegate_endpoint_in_flight|tidegate_endpoint_connections_active|tidegate_deadlines)[{ ]/;

async function metrics(gateway: TestGateway, wanted: RegExp): Promise<readonly string[]> {
  const text = await (await gateway.adminFetch('/metrics')).text();
  return text.split('\n').filter((line) => wanted.test(line));
}

/** The gauges that are not 0 a while after everybody has left. */
async function unsettled(gateway: TestGateway): Promise<readonly string[]> {
  for (const until = Date.now() + SETTLE_MS; ; await sleep(50)) {
    const left = (await metrics(gateway, GAUGES)).filter((line) => !line.endsWith(' 0'));
    if (left.length === 0 || Date.now() > until) return left;
  }
}

async function checkRecords(world: World, gateway: TestGateway): Promise<void> {
  const counted = (await metrics(gateway, /^tidegate_listener_requests_total/)).reduce(
    (sum, line) => sum + Number(line.split(' ').at(-1)),
    0,
  );
  for (const until = Date.now() + SETTLE_MS; gateway.output.length < counted && Date.now() < until; ) await sleep(50);
  const { records } = gateway;
  if (records.length !== counted) world.violated(`${counted} exchanges counted, ${records.length} recorded`);
  const statuses = new Map<number, unknown[]>();
  for (const { path, status } of records) {
    // A request whose head was not read has no path.
    const id = path === '' ? -1 : Number(String(path).slice(3));
    statuses.set(id, [...(statuses.get(id) ?? []), status]);
  }
  for (const [id, facts] of world.facts) {
    const found = statuses.get(id) ?? [];
    if (!facts.read) continue;
    const due = facts.status !== 0 || facts.heads > 0;
    if (found.length > 1 || (due && found.length === 0)) world.violated(`${found.length} records`, facts);
    if (facts.status !== 0 && found[0] !== facts.status) world.violated(`recorded as ${found[0]}`, facts);
  }
}

async function checkWell(world: World, gateway: TestGateway, workers: number): Promise<void> {
  const status = await gateway.admin<{ workers: readonly { readonly state: string }[] }>('/status');
  const ready = status.workers.filter(({ state }) => state === 'ready');
  if (ready.length !== workers) world.violated(`workers: ${JSON.stringify(status.workers)}`);
  for (const line of gateway.log) {
    if (['error', 'text'].includes(line.level) || /replaced|dropped/.test(line.msg))
      world.violated(JSON.stringify(line));
  }
}

/** Runs one gateway for a while; returns all that happened there. */
async function playRound(t: TestContext, seed: number, contents: Contents): Promise<World> {
  const world = new World(t, seed, contents);
  // Only one thread can listen on the path of a Unix socket.
  const workers = world.folder === '' ? world.dice.between(1, 2) : 1;
  const addresses = [await world.listen('one'), ...(world.dice.chance(0.5) ? [await world.listen('two')] : [])];
  const gateway = await startTidegate(t, configuration(world, workers, addresses));
  const until = Date.now() + ROUND_MS;
  const play = async (): Promise<void> => {
    while (Date.now() < until) await new Client(world, gateway).run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, play));
  for (const line of await unsettled(gateway)) world.violated(`left behind: ${line}`);
  await checkWell(world, gateway, workers);
  await checkRecords(world, gateway);
  await gateway.kill();
  return world;
}

test('whatever clients and origins do, every byte reaches its own request, nothing hangs and nothing is left behind', {
  timeout: (SECONDS + 60) * 1000,
}, async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const contents = new Contents(seed);
  const until = Date.now() + SECONDS * 1000;
  for (let round = 0; round === 0 || Date.now() < until - ROUND_MS; round++) {
    const world = await playRound(t, seed + 1_000_003 * round, contents);
    const all = [...world.facts.values()];
    const relayed = all.filter(({ status }) => status !== 0).length;
    t.diagnostic(`round ${round}: ${all.length} planned, ${relayed} answered, ${JSON.stringify([...world.codes])}`);
    assert.deepEqual(world.violations.slice(0, 10), []);
  }
});
