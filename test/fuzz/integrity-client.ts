// Clients that send what is planned, leave when they like, and check all that comes back.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestGateway } from '../support/gateway.ts';
import { BrokenOff, ByteSource, breakOff, type Head, write } from './integrity-bytes.ts';
import { Comparison, framed } from './integrity-contents.ts';
import { type Dice, sleep } from './integrity-dice.ts';
import { judgeOwn, judgeProblem, judgeRelayed } from './integrity-judge.ts';
import type { Plan } from './integrity-plan.ts';
import { type Facts, LIMIT_MS, LINGER_BYTES, MAX_BODY, TIMEOUT_MS, USERS, type World } from './integrity-world.ts';

type Ending = 'close' | 'half-close' | 'abort' | 'half-close-within' | 'stall-sending' | 'stall-reading';

/** One client connection with its requests. */
export class Client {
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
  /** When the head of the last answer came. */
  #answeredAt = Number.NaN;
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
    const ids = this.#requests.map(({ plan, status }) => `${plan.id} (${plan.framing} ${plan.size}: ${status})`);
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
    if (!this.#world.isLate) this.#world.violated(`no end after ${LIMIT_MS} ms (${this})`, facts);
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
      this.#answeredAt = performance.now();
      if (head.fields.has('proxy-status')) await this.#takeOwn(facts, head);
      else await this.#takeRelayed(facts, head);
      if (facts.plan.size > 0 && facts.plan.answer.when !== 'after') this.#mayClose = true;
      return !this.#endsConnection(facts, head);
    } catch (error) {
      if (!(error instanceof BrokenOff)) {
        this.#world.violated(`${error} (${this}), then ${this.#source.unread.toString('latin1', 0, 200)}`, facts);
        return false;
      }
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
    if (!this.#behaves || this.#mayClose || failed || this.#world.isLate) return true;
    // To the gateway a connection is idle from the moment when the kernel has the rest of the answer, however slowly it is read.
    if (performance.now() - this.#answeredAt > TIMEOUT_MS / 2) return true;
    if (this.#world.guarded && plan.size > MAX_BODY) return true;
    return plan.size > LINGER_BYTES && !whole;
  }

  /** An answer that the gateway made. */
  async #takeOwn(facts: Facts, head: Head): Promise<void> {
    const proxyStatus = head.fields.get('proxy-status') ?? '';
    const code = judgeOwn(this.#world, facts, { proxyStatus, behaves: this.#behaves });
    if (facts.plan.method === 'HEAD') return;
    const chunks: Buffer[] = [];
    await this.#source.content(head, (bytes) => void chunks.push(bytes), this.#dice);
    judgeProblem(this.#world, facts, code, Buffer.concat(chunks));
  }

  /** An answer that an origin made. */
  async #takeRelayed(facts: Facts, head: Head): Promise<void> {
    const { plan } = facts;
    judgeRelayed(this.#world, facts, (name) => head.fields.get(name));
    if (plan.method === 'HEAD' || plan.answer.status === 204) return;
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
