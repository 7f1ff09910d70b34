// Origins over HTTP/2, by `node:http2`, that behave as the plan of each request says.
import {
  constants,
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { Comparison, cut } from './integrity-contents.ts';
import type { Dice } from './integrity-dice.ts';
import { Reading } from './integrity-http2-reading.ts';
import type { Facts, World } from './integrity-world.ts';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** A server that is not listening yet. */
export function createHttp2Origin(world: World): Http2Server {
  const { dice } = world;
  const server = createServer({
    settings: {
      initialWindowSize: dice.pick([10_000, 65_535, 1_000_000]),
      headerTableSize: dice.pick([0, 100, 4096, 65_536]),
    },
  });
  server.on('sessionError', () => {});
  server.on('session', (session) => {
    session.on('error', () => {});
    // A gateway in its right mind has no reason for another code.
    session.on('goaway', (code) => code !== 0 && world.violated(`an origin was told to go away with ${code}`));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const facts = world.facts.get(Number(headers[':path']?.slice(3)));
    if (!facts) world.violated(`no request has the path ${headers[':path']}`);
    else void new Answering(world, facts, stream as ServerHttp2Stream).answer(headers);
  });
  return server;
}

/** What an origin does with one request. */
class Answering {
  readonly #world: World;
  readonly #facts: Facts;
  readonly #stream: ServerHttp2Stream;
  readonly #dice: Dice;

  constructor(world: World, facts: Facts, stream: ServerHttp2Stream) {
    this.#world = world;
    this.#facts = facts;
    this.#stream = stream;
    this.#dice = world.diceOf(facts.plan.id, 1);
  }

  async answer(headers: IncomingHttpHeaders): Promise<void> {
    const { answer } = this.#facts.plan;
    const stream = this.#stream;
    const fault = this.#facts.heads === 0 && !this.#facts.failed ? answer.fault : 'none';
    if (fault !== 'none') this.#facts.failed = true;
    if (fault === 'reset-before' && this.#dice.chance(0.5)) {
      // Whoever refuses has done nothing, so that it may come again whatever its method.
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    this.#check(headers);
    await this.#dice.pause();
    if (fault === 'reset-before') {
      stream.close(NGHTTP2_INTERNAL_ERROR);
      return;
    }
    if (headers.expect !== undefined && answer.when !== 'early') this.#inform({ ':status': 100 });
    if (answer.when === 'after' || fault === 'silent') await this.#read();
    if (fault === 'silent') return;
    for (let i = 0; i < answer.interim; i++) this.#inform({ ':status': 103, 'x-hint': i });
    const responding = this.#respond(fault);
    if (answer.when === 'meanwhile') await this.#read();
    const isDone = await responding;
    if (answer.when === 'early') await this.#read();
    if (isDone) this.#leave(stream.session);
  }

  #check(headers: IncomingHttpHeaders): void {
    const { plan } = this.#facts;
    this.#facts.heads++;
    if (headers[':method'] !== plan.method || headers['x-id'] !== String(plan.id))
      this.#world.violated(`${headers[':method']} ${headers['x-id']}`, this.#facts);
    if (headers['x-marked'] !== (this.#world.guarded ? 'yes' : undefined))
      this.#world.violated('not marked', this.#facts);
    if (plan.method === 'POST' && this.#facts.heads > 1) this.#world.violated('sent twice', this.#facts);
  }

  #inform(headers: OutgoingHttpHeaders): void {
    if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.additionalHeaders(headers);
  }

  /** Reads the content of the request. */
  async #read(): Promise<void> {
    const { plan } = this.#facts;
    const comparison = new Comparison(this.#world.contents.request(plan));
    const reading = new Reading(this.#stream);
    for (let bytes = await reading.next(); bytes; bytes = await reading.next()) {
      comparison.take(bytes);
      await this.#dice.pause();
    }
    if (comparison.differsAt >= 0)
      this.#world.violated(`the origin got other content from ${comparison.differsAt} on`, this.#facts);
    if (!reading.isWhole) return;
    this.#facts.whole = comparison.whole;
    const isCut = this.#facts.givenUp && plan.framing === 'chunked';
    if (!comparison.whole && !isCut) this.#world.violated(`whole with ${comparison.received} bytes`, this.#facts);
  }

  /** Returns whether all has been sent. */
  async #respond(fault: string): Promise<boolean> {
    const stream = this.#stream;
    const { answer, id, method } = this.#facts.plan;
    if (stream.destroyed || stream.closed) return false;
    const isEmpty = method === 'HEAD' || answer.status === 204;
    const hasTrailers = answer.framing === 'chunked' && !isEmpty && this.#dice.chance(0.2);
    // Like clients, Node's servers end in order what they break off.
    const isSized = answer.framing === 'length' || (fault === 'reset-within' && answer.status !== 204);
    const length = isSized ? { 'content-length': answer.size } : {};
    const head = { ':status': answer.status, 'x-id': id, ...length };
    stream.respond(head, { endStream: isEmpty, waitForTrailers: hasTrailers });
    if (hasTrailers) stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': 1 }));
    const content = isEmpty ? Buffer.alloc(0) : this.#world.contents.response(this.#facts.plan);
    const isCut = fault === 'reset-within' || fault === 'stall-within';
    const part = isCut ? content.subarray(0, this.#dice.between(0, Math.max(0, content.length - 1))) : content;
    for (const piece of cut(part, this.#dice)) {
      if (stream.destroyed || stream.closed) return false;
      await Promise.race([new Promise((resolve) => stream.write(piece, resolve)), closed(stream)]);
      await this.#dice.pause();
    }
    if (fault === 'reset-within') stream.close(NGHTTP2_INTERNAL_ERROR);
    else if (!isCut && !stream.destroyed && !isEmpty) stream.end();
    return !isCut;
  }

  #leave(session: Http2Session | undefined): void {
    const { behind } = this.#facts.plan.answer;
    if (behind !== 'close' || !this.#dice.chance(0.3)) return;
    // What is sent meanwhile is not served, and can be sent again if there is no content that has gone.
    this.#world.closesSilently = true;
    session?.close();
  }
}

function closed(stream: ServerHttp2Stream): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.once('close', resolve));
}
