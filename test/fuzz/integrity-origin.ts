// Origins that behave as the plan of each request says.
import type { Socket } from 'node:net';
import { ByteSource, breakOff, type Head, write } from './integrity-bytes.ts';
import { Comparison, framed } from './integrity-contents.ts';
import type { Dice } from './integrity-dice.ts';
import type { Plan } from './integrity-plan.ts';
import type { Facts, World } from './integrity-world.ts';

/** One connection of an origin. */
export async function serve(world: World, socket: Socket): Promise<void> {
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
      // Some clients end what they give up in order, just before they say so: only a length would tell.
      const isCut = this.#facts.givenUp && plan.framing === 'chunked';
      if (!comparison.whole && !isCut) this.#world.violated(`whole with ${comparison.received} bytes`, this.#facts);
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
