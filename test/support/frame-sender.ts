// The sending side of an HTTP/2 client for tests: exactly the frames and bytes that it is told to send, wherever they go.
import { type FieldPair, hpackBlock } from './hpack.ts';
import { FLAG, FRAME, frameBytes, headersBytes, PREFACE, type Setting, settingsBytes, uint32 } from './http2-frames.ts';

export interface RequestOptions {
  /** Pseudo-fields among them replace those of the usual request. */
  readonly fields?: readonly FieldPair[];
  readonly body?: Buffer | string;
}

/** `Sent` is what sending gives back: a promise where there is a socket. */
export abstract class FrameSender<Sent> {
  /** What requests say unless they are told otherwise. */
  protected scheme = 'http';

  /** Writes bytes as they are. */
  abstract send(bytes: Buffer | string): Sent;

  frame(type: number, flags: number, streamId: number, payload?: Buffer | string): Sent {
    return this.send(frameBytes(type, flags, streamId, payload));
  }

  /** The connection preface with its SETTINGS. */
  preface(settings: readonly Setting[] = []): Sent {
    return this.send(Buffer.concat([Buffer.from(PREFACE, 'latin1'), settingsBytes(settings)]));
  }

  /** A field section with literals only, in as many frames as it takes. `flags` may have `endStream`. */
  headers(streamId: number, fields: readonly FieldPair[], flags = 0): Sent {
    return this.send(headersBytes(streamId, hpackBlock(fields), flags));
  }

  data(streamId: number, content: Buffer | string, flags = 0): Sent {
    return this.frame(FRAME.data, flags, streamId, content);
  }

  rst(streamId: number, code = 8): Sent {
    return this.frame(FRAME.rstStream, 0, streamId, uint32(code));
  }

  windowUpdate(streamId: number, increment: number): Sent {
    return this.frame(FRAME.windowUpdate, 0, streamId, uint32(increment));
  }

  settings(...settings: readonly Setting[]): Sent {
    return this.send(settingsBytes(settings));
  }

  ping(payload = '8 octets'): Sent {
    return this.frame(FRAME.ping, 0, 0, payload);
  }

  /** Sends a GET, or what `fields` make of it, and a whole content where there is one. */
  request(streamId: number, path: string, { fields = [], body }: RequestOptions = {}): Sent {
    const head = [':method', body === undefined ? 'GET' : 'POST'] as const;
    const all = requestFields([head, [':scheme', this.scheme], [':path', path]], fields);
    const sent = this.headers(streamId, all, body === undefined ? FLAG.endStream : 0);
    return body === undefined ? sent : this.data(streamId, body, FLAG.endStream);
  }
}

/** The fields of a usual request with `changes`, those that are pseudo-fields in their place. */
export function requestFields(...changes: readonly (readonly FieldPair[])[]): readonly FieldPair[] {
  let fields: readonly FieldPair[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'example.com'],
    [':path', '/'],
  ];
  for (const changed of changes) {
    const given = new Set(changed.map(([name]) => name).filter((name) => name.startsWith(':')));
    fields = [...fields.filter(([name]) => !given.has(name)), ...changed];
  }
  return fields.toSorted(([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':')));
}
