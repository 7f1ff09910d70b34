// Clients over HTTP/2, by `node:http2`: many requests at a time on one connection, some of which are given up, stalled or broken off by
// chance. Whatever becomes of one of them, the others must not notice.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { TestGateway } from '../support/gateway.ts';
import { ERROR_NAMES } from '../support/http2-frames.ts';
import { authority } from '../support/tls.ts';
import { Comparison, cut } from './integrity-contents.ts';
import { type Dice, sleep } from './integrity-dice.ts';
import { Reading } from './integrity-http2-reading.ts';
import { judgeOwn, judgeProblem, judgeRelayed } from './integrity-judge.ts';
import type { Plan } from './integrity-plan.ts';
import { type Facts, LIMIT_MS, MAX_BODY, TIMEOUT_MS, USERS, type World } from './integrity-world.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** What a client does to one of its streams. */
type Misdeed = 'none' | 'reset' | 'stall-sending' | 'stall-reading';

/** One request with what its client is up to. */
class Errand {
  readonly facts: Facts;
  readonly dice: Dice;
  readonly misdeed: Misdeed;
  /** Octets sent and received after which the misdeed happens. */
  readonly #turnsAt: number;
  #moved = 0;
  /** Ends when nothing has moved for too long. */
  patience: NodeJS.Timeout | undefined = undefined;

  constructor(world: World) {
    this.facts = world.plan(false);
    this.dice = world.diceOf(this.facts.plan.id, 2);
    const { dice } = this;
    this.misdeed = dice.chance(0.1) ? dice.pick(['reset', 'reset', 'stall-sending', 'stall-reading']) : 'none';
    this.#turnsAt = dice.between(0, dice.pick([200, 2000, 100_000, 500_000]));
  }

  /** Counts octets that moved; returns whether the misdeed is due. */
  moved(bytes: number): boolean {
    this.#moved += bytes;
    if (bytes > 0) this.patience?.refresh();
    return this.misdeed !== 'none' && this.#moved >= this.#turnsAt;
  }

  toString(): string {
    return `${this.misdeed} after ${this.#turnsAt}, ${this.#moved} moved`;
  }
}

/** One client with its requests, and as many connections as it takes. */
export class Http2Client {
  readonly #world: World;
  readonly #gateway: TestGateway;
  readonly #dice: Dice;
  readonly #errands: readonly Errand[];
  readonly #secure: boolean;
  /** Milliseconds after which the connection is broken off. */
  readonly #breaksAfter: number | undefined;
  #session: Promise<ClientHttp2Session> | undefined = undefined;
  #broken = false;

  constructor(world: World, gateway: TestGateway) {
    this.#world = world;
    this.#gateway = gateway;
    const dice = world.diceOf(world.facts.size, 2);
    this.#dice = dice;
    this.#errands = Array.from({ length: dice.between(1, dice.pick([3, 20])) }, () => new Errand(world));
    this.#secure = dice.chance(0.5);
    this.#breaksAfter = dice.chance(0.1) ? dice.between(1, 300) : undefined;
  }

  async run(): Promise<void> {
    await Promise.all(this.#errands.map((errand) => this.#see(errand)));
    const session = await this.#session;
    if (this.#dice.chance(0.5)) session?.destroy();
    else session?.close();
  }

  /** Sends a request, again where it was refused, until there is an end to it. */
  async #see(errand: Errand): Promise<void> {
    await errand.dice.pause();
    for (;;) {
      const session = await this.#connected();
      if (this.#broken) return;
      const stream = this.#begin(session, errand);
      if (stream && !(await this.#exchange(stream, errand))) return;
      if (errand.facts.heads > 0) this.#world.violated('refused, and processed all the same', errand.facts);
      if (this.#broken) return;
      this.#session = undefined;
    }
  }

  /** A connection that takes requests. */
  async #connected(): Promise<ClientHttp2Session> {
    const session = await this.#session;
    if (session && !session.closed && !session.destroyed) return session;
    if (this.#session === undefined || session === (await this.#session)) this.#session = this.#connect();
    return await this.#session;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { folder } = this.#world;
    const port = this.#gateway.port(this.#secure ? 'secure' : 'web');
    const isLocal = folder !== '' && !this.#secure;
    const session = connect('http://a', {
      createConnection: () => {
        if (isLocal) return connectTcp({ path: join(folder, 'gateway') });
        const target = { host: '127.0.0.1', port, ca: authority.cert, servername: 'localhost' };
        return this.#secure
          ? connectTls({ ...target, ALPNProtocols: ['h2'] })
          : connectTcp({ ...target, noDelay: true });
      },
      settings: {
        enablePush: false,
        initialWindowSize: this.#dice.pick([1000, 10_000, 65_535, 65_535, 1_000_000]),
        headerTableSize: this.#dice.pick([0, 100, 4096, 65_536]),
      },
    });
    session.on('error', (error) => {
      if (!this.#broken) this.#world.violated(`a connection over HTTP/2 failed: ${error} (${this})`);
    });
    await Promise.race([once(session, 'connect'), once(session, 'close')]);
    if (this.#breaksAfter !== undefined) setTimeout(() => this.#break(session), this.#breaksAfter);
    return session;
  }

  #break(session: ClientHttp2Session): void {
    this.#broken = true;
    for (const { facts } of this.#errands) facts.givenUp = true;
    session.destroy();
  }

  toString(): string {
    return this.#errands.map(({ facts }) => facts.plan.id).join(', ');
  }

  /** Returns the stream of a request; `undefined` when the connection takes no more. */
  #begin(session: ClientHttp2Session, errand: Errand): ClientHttp2Stream | undefined {
    const { plan } = errand.facts;
    try {
      const stream = session.request(this.#fieldsOf(plan, errand.dice), { endStream: plan.framing === 'none' });
      stream.on('error', () => {});
      return stream;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ERR_HTTP2_GOAWAY_SESSION' || code === 'ERR_HTTP2_INVALID_SESSION') return undefined;
      throw error;
    }
  }

  #fieldsOf(plan: Plan, dice: Dice): OutgoingHttpHeaders {
    const user = `user${dice.between(0, USERS - 1)}:${plan.admitted ? 'secret' : 'wrong'}`;
    return {
      ':method': plan.method,
      ':path': `/r/${plan.id}`,
      ':authority': 'a',
      'x-id': plan.id,
      authorization: `Basic ${Buffer.from(user).toString('base64')}`,
      ...(plan.framing === 'length' && { 'content-length': plan.size }),
      ...(plan.expect && { expect: '100-continue' }),
      ...(this.#world.guarded && { 'x-marked': dice.between(0, 9) }),
    };
  }

  /** Returns whether the request has been refused, to be sent again. */
  async #exchange(stream: ClientHttp2Stream, errand: Errand): Promise<boolean> {
    if (stream.pending) await Promise.race([seen(stream, 'ready'), closed(stream)]);
    errand.patience = setTimeout(() => this.#hangs(stream, errand), LIMIT_MS);
    const sending = this.#send(stream, errand);
    const headers = await answerOn(stream);
    const isRefused = !headers && stream.rstCode === NGHTTP2_REFUSED_STREAM && errand.misdeed === 'none';
    if (headers) await this.#take(stream, headers, errand);
    else if (!isRefused) this.#endedEarly(stream, errand);
    clearTimeout(errand.patience);
    if (!stream.closed && !stream.writableFinished && headers) await this.#finish(stream, errand);
    stream.destroy();
    await sending;
    return isRefused;
  }

  #hangs(stream: ClientHttp2Stream, errand: Errand): void {
    if (!this.#broken && !this.#world.isLate)
      this.#world.violated(`nothing for ${LIMIT_MS} ms (${errand})`, errand.facts);
    errand.facts.givenUp = true;
    stream.destroy();
  }

  /** Behind a whole answer the rest of the content is not wanted, which is said without an error (RFC 9113 8.1). */
  async #finish(stream: ClientHttp2Stream, errand: Errand): Promise<void> {
    await Promise.race([closed(stream), sleep(TIMEOUT_MS)]);
    if (errand.misdeed !== 'none' || this.#broken || !stream.closed) return;
    if (stream.rstCode !== NGHTTP2_NO_ERROR)
      this.#world.violated(`answered, then reset with ${ERROR_NAMES[stream.rstCode]}`, errand.facts);
  }

  /** Sends the content in pieces, unless something happens. */
  async #send(stream: ClientHttp2Stream, errand: Errand): Promise<void> {
    const { facts, dice, misdeed } = errand;
    const { plan } = facts;
    if (errand.moved(0)) this.#misbehave(stream, errand);
    if (plan.framing === 'none') return;
    if (plan.expect) await Promise.race([seen(stream, 'continue'), answerOn(stream), sleep(300)]);
    for (const piece of cut(this.#world.contents.request(plan), dice)) {
      if (stream.closed || stream.destroyed) return;
      await Promise.race([new Promise((resolve) => stream.write(piece, resolve)), closed(stream)]);
      if (errand.moved(piece.length)) {
        this.#misbehave(stream, errand);
        if (misdeed === 'reset' || misdeed === 'stall-sending') return;
      }
      await dice.pause();
    }
    if (!stream.destroyed) stream.end();
  }

  #misbehave(stream: ClientHttp2Stream, { misdeed, dice, facts }: Errand): void {
    facts.givenUp = true;
    if (misdeed === 'reset') stream.close(dice.pick([NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR]));
    else if (misdeed !== 'none') setTimeout(() => stream.destroy(), 3 * TIMEOUT_MS);
  }

  #endedEarly({ rstCode }: ClientHttp2Stream, errand: Errand): void {
    const { facts, misdeed } = errand;
    if (misdeed !== 'none' || facts.givenUp || facts.failed || this.#broken) return;
    // Its answer may have begun when there turned out to be too much of it.
    if (this.#world.guarded && facts.plan.size > MAX_BODY) return;
    if (this.#world.isLate && (rstCode === NGHTTP2_CANCEL || rstCode === NGHTTP2_INTERNAL_ERROR)) return;
    this.#world.violated(`broken off with ${ERROR_NAMES[rstCode]} (${errand})`, errand.facts);
  }

  async #take(stream: ClientHttp2Stream, headers: IncomingHttpHeaders, errand: Errand): Promise<void> {
    const { facts, misdeed } = errand;
    const field = (name: string) => headers[name]?.toString();
    facts.status = Number(headers[':status']);
    const proxyStatus = field('proxy-status');
    if (proxyStatus !== undefined) {
      const code = judgeOwn(this.#world, facts, { proxyStatus, behaves: misdeed === 'none' });
      const chunks: Buffer[] = [];
      const isWhole = await this.#read(stream, errand, (bytes) => void chunks.push(bytes));
      if (isWhole && facts.plan.method !== 'HEAD') judgeProblem(this.#world, facts, code, Buffer.concat(chunks));
      return;
    }
    judgeRelayed(this.#world, facts, field);
    const { method, answer } = facts.plan;
    const hasContent = method !== 'HEAD' && answer.status !== 204;
    const comparison = new Comparison(hasContent ? this.#world.contents.response(facts.plan) : Buffer.alloc(0));
    const isWhole = await this.#read(stream, errand, comparison.take);
    // Where there is no reset, content that ends with the connection cannot be told from such as breaks off.
    const isSure = this.#world.folder === '' || !facts.failed;
    if (isWhole && isSure && !comparison.whole) this.#world.violated(`whole with ${comparison.received} bytes`, facts);
    if (comparison.differsAt >= 0)
      this.#world.violated(`the client got other content from ${comparison.differsAt} on`, facts);
  }

  /** Reads the content; returns whether it has come to its end. */
  async #read(stream: ClientHttp2Stream, errand: Errand, take: (bytes: Buffer) => void): Promise<boolean> {
    const reading = new Reading(stream);
    for (let bytes = await reading.next(); bytes; bytes = await reading.next()) {
      take(bytes);
      if (errand.moved(bytes.length)) {
        this.#misbehave(stream, errand);
        if (errand.misdeed === 'stall-reading') await Promise.race([closed(stream), sleep(3 * TIMEOUT_MS)]);
        if (errand.misdeed !== 'stall-sending') return false;
      }
      await errand.dice.pause();
    }
    if (!reading.isWhole) this.#endedEarly(stream, errand);
    // A stream that the client itself has ended, or lost, ends as if all had come.
    return reading.isWhole && errand.misdeed === 'none' && !this.#broken;
  }
}

/** Unlike `once` of node:events, it leaves errors alone. */
function seen(stream: ClientHttp2Stream, event: 'ready' | 'continue'): Promise<void> {
  return new Promise((resolve) => stream.once(event, resolve));
}

/** The response head on a stream; `undefined` when the stream ends without one. */
function answerOn(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders | undefined> {
  return new Promise((resolve) => {
    stream.once('response', resolve);
    void closed(stream).then(() => resolve(undefined));
  });
}

function closed(stream: ClientHttp2Stream): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.once('close', resolve));
}
