// A raw HTTP/2 origin for tests: shows the frames that arrived, and sends exactly those that it is told to.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type FieldPair, hpackBlock } from './hpack.ts';
import { RawHttp2Client } from './http2-client.ts';
import {
  FLAG,
  FRAME,
  type Frame,
  frameBytes,
  headersBytes,
  PREFACE,
  type Setting,
  settingsBytes,
  uint32,
} from './http2-frames.ts';

/** A request head that has come. */
export interface Http2Request {
  readonly streamId: number;
  readonly fields: readonly FieldPair[];
  /** Whether no content follows. */
  readonly isEnd: boolean;
  /** Value of the first field of that name. */
  field(name: string): string | undefined;
}

export class Http2OriginConnection extends RawHttp2Client {
  /** Takes the next request head. */
  async requested(): Promise<Http2Request> {
    return toRequest(await this.next(({ type, fields }) => type === FRAME.headers && isRequest(fields)));
  }

  /** Takes the frames of a stream until its content has ended. */
  async content(streamId: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let isOver = false; !isOver; ) {
      const frame = await this.next(({ type, streamId: id }) => type === FRAME.data && id === streamId);
      parts.push(frame.payload);
      isOver = (frame.flags & FLAG.endStream) !== 0;
    }
    return Buffer.concat(parts);
  }

  /** Sends a whole response. */
  async answer(streamId: number, body = 'ok', fields: readonly FieldPair[] = [], status = '200'): Promise<void> {
    const block = hpackBlock([[':status', status], ...fields]);
    const content = body === '' ? [] : [frameBytes(FRAME.data, FLAG.endStream, streamId, body)];
    await this.send(Buffer.concat([headersBytes(streamId, block, body === '' ? FLAG.endStream : 0), ...content]));
  }

  /** Tells that nothing beyond the stream will be processed. */
  leave(lastStreamId: number, code = 0): Promise<void> {
    return this.frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code)]));
  }
}

export interface Http2OriginOptions {
  readonly settings?: readonly Setting[];
  readonly tls?: TlsOptions;
  /** Sends no SETTINGS, and nothing else either. */
  readonly isSilent?: boolean;
  /** Gives back the room of received content at once; true by default. */
  readonly refills?: boolean;
}

export class Http2Origin {
  readonly connections: Http2OriginConnection[] = [];
  /** All sockets that have come, those without a preface too. */
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  readonly #wake = new Set<() => void>();

  constructor(
    serve: (connection: Http2OriginConnection) => unknown,
    { settings = [], tls, isSilent = false, refills = true }: Http2OriginOptions,
  ) {
    const take = (socket: Socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      void this.#open(socket, refills).then((connection) => {
        if (!isSilent) {
          void connection.send(settingsBytes(settings));
          void connection.frame(FRAME.settings, FLAG.ack, 0);
        }
        this.connections.push(connection);
        for (const wake of this.#wake) wake();
        this.#wake.clear();
        // What the test did not see through ends with its connection.
        void Promise.resolve(serve(connection)).catch(() => {});
      });
    };
    this.#server = tls
      ? createTlsServer({ ALPNProtocols: ['h2'], noDelay: true, ...tls }, take)
      : createServer({ noDelay: true }, take);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** A connection by its number, once it is there. */
  async connection(number = 0): Promise<Http2OriginConnection> {
    while (this.connections.length <= number) await new Promise<void>((resolve) => this.#wake.add(resolve));
    return this.connections[number] as Http2OriginConnection;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Reads the preface; what follows is the connection's. */
  async #open(socket: Socket, refills: boolean): Promise<Http2OriginConnection> {
    for (;;) {
      const preface = socket.read(PREFACE.length) as Buffer | null;
      if (preface) {
        if (preface.toString('latin1') !== PREFACE) throw new Error(`no preface: ${preface.toString('latin1')}`);
        return new Http2OriginConnection(socket, { refills });
      }
      await once(socket, 'readable');
    }
  }
}

/** Starts an origin that serves each connection with `serve`; it is stopped after the test. */
export async function startHttp2Origin(
  t: TestContext,
  serve: (connection: Http2OriginConnection) => unknown = answerAll,
  options: Http2OriginOptions = {},
): Promise<Http2Origin> {
  const origin = new Http2Origin(serve, options);
  await origin.listen();
  t.after(() => origin.stop());
  return origin;
}

/** Answers every request without content. */
export async function answerAll(connection: Http2OriginConnection): Promise<void> {
  for (;;) {
    const { streamId } = await connection.requested();
    void connection.answer(streamId);
  }
}

function isRequest(fields: readonly FieldPair[] | undefined): boolean {
  return fields?.some(([name]) => name === ':method') ?? false;
}

function toRequest({ streamId, flags, fields = [] }: Frame): Http2Request {
  return {
    streamId,
    fields,
    isEnd: (flags & FLAG.endStream) !== 0,
    field: (name) => fields.find(([known]) => known === name)?.[1],
  };
}
