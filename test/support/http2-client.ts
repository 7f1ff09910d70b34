// A raw HTTP/2 client for tests: sends exactly the frames and bytes it is told to, reads what comes back, and takes nothing for granted
// of the other side. Every wait has an end: the connection's, or a deadline.
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { FrameSender } from './frame-sender.ts';
import { type FieldPair, HpackReader } from './hpack.ts';
import { describeFrame, ERROR_NAMES, FLAG, FRAME, type Frame, FrameReader, type Setting } from './http2-frames.ts';

export interface Http2ClientOptions {
  /** Frames that are not kept: those of a flood that nobody asks for afterwards. */
  readonly isIgnored?: (frame: Frame) => boolean;
  /** Gives back the room of received content at once, on the connection and on the stream; by default nobody does. */
  readonly refills?: boolean;
}

export interface Http2Response {
  readonly status: number;
  /** Of the final response, with its pseudo-fields. */
  readonly fields: readonly FieldPair[];
  /** Statuses of the interim responses before it. */
  readonly interim: readonly number[];
  readonly body: Buffer;
  readonly trailers: readonly FieldPair[];
  /** Value of the first field of that name. */
  field(name: string): string | undefined;
}

/** How long a test waits for a frame, on a machine as slow as may be. */
const PATIENCE_MS = 60_000;

export class RawHttp2Client extends FrameSender<Promise<void>> {
  readonly socket: Socket;
  /** Received and not taken yet, in the order of their arrival. */
  readonly frames: Frame[] = [];
  readonly #options: Http2ClientOptions;
  readonly #reader = new FrameReader();
  readonly #hpack = new HpackReader();
  /** The field section that is being received. */
  #section: { readonly frame: Frame; readonly parts: Buffer[] } | undefined;
  #failure: Error | undefined;
  #ended = false;
  readonly #wake = new Set<() => void>();

  /** Takes a socket that is connected, TCP or TLS. */
  constructor(socket: Socket, options: Http2ClientOptions = {}) {
    super();
    this.socket = socket;
    if ('encrypted' in socket) this.scheme = 'https';
    this.#options = options;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end());
  }

  /** Whether the other side has ended, or the connection broke. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes bytes as they are; resolves when they are with the kernel, or never will be. */
  send(bytes: Buffer | string): Promise<void> {
    const owned = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => void this.socket.write(owned, () => resolve()));
  }

  /** The preface, and both sides' SETTINGS acknowledged. */
  async open(settings: readonly Setting[] = []): Promise<Frame> {
    void this.preface(settings);
    const theirs = await this.next(({ type, flags }) => type === FRAME.settings && (flags & FLAG.ack) === 0);
    void this.frame(FRAME.settings, FLAG.ack, 0);
    await this.next(({ type, flags }) => type === FRAME.settings && (flags & FLAG.ack) !== 0);
    return theirs;
  }

  /** Takes the frames of a stream until its response has ended. Rejects when the stream is reset. */
  async response(streamId: number): Promise<Http2Response> {
    const interim: number[] = [];
    let fields: readonly FieldPair[] | undefined;
    let trailers: readonly FieldPair[] = [];
    const body: Buffer[] = [];
    for (let isOver = false; !isOver; ) {
      const frame = await this.next(
        ({ type, streamId: id }) => id === streamId && (type <= FRAME.headers || type === FRAME.rstStream),
      );
      if (frame.type === FRAME.rstStream) throw new Error(`stream ${streamId} was reset: ${codeOf(frame)}`);
      isOver = (frame.flags & FLAG.endStream) !== 0;
      if (frame.type === FRAME.data) body.push(contentOf(frame));
      else if (fields !== undefined) trailers = frame.fields ?? [];
      else if (statusOf(frame) < 200) interim.push(statusOf(frame));
      else fields = frame.fields ?? [];
    }
    const final = fields ?? [];
    return {
      status: Number(fieldOf(final, ':status')),
      fields: final,
      interim,
      body: Buffer.concat(body),
      trailers,
      field: (name) => fieldOf(final, name),
    };
  }

  /** Name of the code with which a stream was reset. */
  async reset(streamId: number): Promise<string> {
    return codeOf(await this.next(({ type, streamId: id }) => type === FRAME.rstStream && id === streamId));
  }

  /** The last stream and the name of the code in the next GOAWAY. */
  async goaway(): Promise<{ readonly lastStreamId: number; readonly code: string }> {
    const frame = await this.next(({ type }) => type === FRAME.goaway);
    return { lastStreamId: frame.payload.readUInt32BE(0) & 0x7fffffff, code: codeOf(frame) };
  }

  /** Takes the first frame that `isIt`; those before it stay. Rejects when the connection ends without it, or nothing comes. */
  async next(isIt: (frame: Frame) => boolean = () => true): Promise<Frame> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const index = this.frames.findIndex(isIt);
      const [found] = index < 0 ? [] : this.frames.splice(index, 1);
      if (found) return found;
      if (this.#ended) throw new Error(`the connection ended before the frame: ${this.#story()}`);
      await this.#changed(deadline);
    }
  }

  /** Resolves when the other side has ended the connection. */
  async closed(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.#ended) await this.#changed(deadline);
  }

  async #changed(deadline: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => reject(new Error(`nothing after ${PATIENCE_MS} ms: ${this.#story()}`));
    const timer = setTimeout(giveUp, deadline - Date.now());
    this.#wake.add(resolve);
    await promise.finally(() => clearTimeout(timer));
  }

  #story(): string {
    const failure = this.#failure ? `${this.#failure.message}; ` : '';
    return `${failure}not taken: ${this.frames.slice(-20).map(describeFrame).join(', ') || 'no frames'}`;
  }

  #take(bytes: Buffer): void {
    try {
      for (const frame of this.#reader.push(bytes)) this.#receive(frame);
    } catch (error) {
      this.#end(error as Error);
    }
    this.#notify();
  }

  #receive(frame: Frame): void {
    if (frame.type === FRAME.data && this.#options.refills && frame.payload.length > 0) this.#refill(frame);
    if (frame.type === FRAME.headers) this.#section = { frame, parts: [blockOf(frame)] };
    else if (frame.type === FRAME.continuation) this.#section?.parts.push(frame.payload);
    else this.#keep(frame);
    const isPart = frame.type === FRAME.headers || frame.type === FRAME.continuation;
    if (!this.#section || !isPart || (frame.flags & FLAG.endHeaders) === 0) return;
    this.#section.frame.fields = this.#hpack.read(Buffer.concat(this.#section.parts));
    this.#keep(this.#section.frame);
    this.#section = undefined;
  }

  #keep(frame: Frame): void {
    if (!this.#options.isIgnored?.(frame)) this.frames.push(frame);
  }

  #refill({ streamId, payload, flags }: Frame): void {
    void this.windowUpdate(0, payload.length);
    if ((flags & FLAG.endStream) === 0) void this.windowUpdate(streamId, payload.length);
  }

  #end(error?: Error): void {
    this.#ended = true;
    this.#failure ??= error;
    this.#notify();
  }

  #notify(): void {
    const wake = [...this.#wake];
    this.#wake.clear();
    for (const resolve of wake) resolve();
  }
}

function fieldOf(fields: readonly FieldPair[], name: string): string | undefined {
  return fields.find(([known]) => known === name)?.[1];
}

function statusOf({ fields = [] }: Frame): number {
  return Number(fieldOf(fields, ':status'));
}

/** Name of the error code of a RST_STREAM or GOAWAY. */
function codeOf({ type, payload }: Frame): string {
  const code = payload.readUInt32BE(type === FRAME.goaway ? 4 : 0);
  return ERROR_NAMES[code] ?? String(code);
}

/** Content of DATA without its padding. */
function contentOf({ flags, payload }: Frame): Buffer {
  return (flags & FLAG.padded) === 0 ? payload : payload.subarray(1, payload.length - payload.readUInt8(0));
}

/** The part of a field section that HEADERS carries. */
function blockOf(frame: Frame): Buffer {
  const unpadded = contentOf(frame);
  return (frame.flags & FLAG.priority) === 0 ? unpadded : unpadded.subarray(5);
}

export interface Http2ConnectOptions extends Http2ClientOptions {
  /** Over TLS, with these options; h2 is asked for by ALPN unless they say otherwise. By default TCP with prior knowledge. */
  readonly tls?: ConnectionOptions;
  /** Address that the connection comes from: any of 127.0.0.0/8. */
  readonly from?: string;
}

/** Connects to a port of this machine; nothing is sent yet. The caller ends the connection. */
export async function connectHttp2To(
  port: number,
  { tls, from, ...options }: Http2ConnectOptions = {},
): Promise<RawHttp2Client> {
  const target = { port, host: '127.0.0.1', allowHalfOpen: true, ...(from !== undefined && { localAddress: from }) };
  const socket = tls ? connectTls({ ALPNProtocols: ['h2'], ...target, ...tls }) : connectTcp(target);
  const client = new RawHttp2Client(socket, options);
  await once(socket, tls ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  return client;
}

/** The same; the connection is ended after the test. */
export async function connectHttp2(
  t: TestContext,
  port: number,
  options?: Http2ConnectOptions,
): Promise<RawHttp2Client> {
  const client = await connectHttp2To(port, options);
  t.after(() => client.socket.destroy());
  return client;
}
