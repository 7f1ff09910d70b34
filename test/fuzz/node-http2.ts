// What Node's own HTTP/2 server (nghttp2) makes of the bytes of a client: for the comparison with our engine.
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import type { FieldPair } from '../support/hpack.ts';
import { ERROR_NAMES, FRAME, type Frame, FrameReader, frameBytes } from '../support/http2-frames.ts';

export interface StreamVerdict {
  /** The code of a reset; '' without one. */
  readonly reset: string;
  /** Whether the request has ended. */
  readonly ended: boolean;
  readonly fields: readonly FieldPair[];
  readonly content: string;
}

export interface Verdict {
  /** The code of GOAWAY; '' where the connection goes on. */
  readonly goaway: string;
  readonly streams: ReadonlyMap<number, StreamVerdict>;
}

interface Heard {
  fields: readonly FieldPair[];
  content: string;
  ended: boolean;
}

const nameOf = (code: number): string => ERROR_NAMES[code] ?? String(code);

export class NodeServer {
  readonly #server: Http2Server;
  /** By the port of the client. */
  readonly #heard = new Map<number, Map<number, Heard>>();

  private constructor(server: Http2Server) {
    this.#server = server;
    server.on('stream', (stream: ServerHttp2Stream, _headers, _flags, raw: readonly string[]) => {
      this.#hear(stream, raw);
    });
    server.on('sessionError', () => {});
  }

  static async start(): Promise<NodeServer> {
    const settings = { maxConcurrentStreams: 100, initialWindowSize: 65_536, maxHeaderListSize: 65_536 };
    const server = new NodeServer(createServer({ settings }));
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  stop(): void {
    this.#server.close();
  }

  /** Sends the bytes, and waits until they have been dealt with. */
  async judge(bytes: Buffer): Promise<Verdict> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const reader = new FrameReader();
    const frames: Frame[] = [];
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    // PING is answered ahead of all else: what waits behind the first answer has left before the second one.
    let pings = 0;
    const ping = () => socket.write(frameBytes(FRAME.ping, 0, 0, `judge ${pings++} `));
    socket.on('data', (received: Buffer) => {
      for (const frame of reader.push(received)) {
        frames.push(frame);
        const isAnswer = frame.type === FRAME.ping && frame.payload.toString().startsWith('judge');
        if (frame.type === FRAME.goaway || (isAnswer && pings > 3)) resolve();
        else if (isAnswer) ping();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    await once(socket, 'connect');
    const { localPort = 0 } = socket;
    this.#heard.set(localPort, new Map());
    socket.write(bytes);
    ping();
    await settled;
    const heard = this.#heard.get(localPort) ?? new Map<number, Heard>();
    this.#heard.delete(localPort);
    socket.destroy();
    return toVerdict(frames, heard);
  }

  #hear(stream: ServerHttp2Stream, raw: readonly string[]): void {
    stream.on('error', () => {});
    const heard: Heard = {
      fields: pairs(raw),
      content: '',
      ended: stream.endAfterHeaders,
    };
    this.#heard.get(stream.session?.socket.remotePort ?? 0)?.set(stream.id ?? 0, heard);
    stream.on('data', (chunk: Buffer) => {
      heard.content += chunk.toString('latin1');
    });
    stream.on('end', () => {
      heard.ended = true;
    });
  }
}

function pairs(raw: readonly string[]): FieldPair[] {
  const fields: FieldPair[] = [];
  for (let at = 0; at < raw.length; at += 2) fields.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return fields;
}

function toVerdict(frames: readonly Frame[], heard: ReadonlyMap<number, Heard>): Verdict {
  const goaway = frames.find(({ type }) => type === FRAME.goaway);
  const resets = new Map<number, string>();
  for (const { type, streamId, payload } of frames)
    if (type === FRAME.rstStream && !resets.has(streamId)) resets.set(streamId, nameOf(payload.readUInt32BE(0)));
  const streams = new Map<number, StreamVerdict>();
  for (const id of new Set([...resets.keys(), ...heard.keys()])) {
    const { fields = [], content = '', ended = false } = heard.get(id) ?? {};
    streams.set(id, { reset: resets.get(id) ?? '', fields, content, ended });
  }
  return { goaway: goaway ? nameOf(goaway.payload.readUInt32BE(4)) : '', streams };
}
