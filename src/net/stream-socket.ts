// The net.Socket beneath TcpStream. Reads by `onread` into buffers of ours, and tells when a write has left the process at
// once. The one place that reaches below Node's documented API; each such reach has an ordinary way beside it.
//
// Hot path. Reading by `onread` spares an allocation and the stream machinery a read (measured: 15.8-17.0 us against 18-22 us a
// proxied request), knowing at once whether a write went through lets buffers be used again without a copy, and a string that
// the kernel takes at once is written past the stream machinery, which would make an object and several calls of it.
import net from 'node:net';

/** What a `StreamSocket` tells its stream. */
export interface SocketOwner {
  received(buffer: Buffer, length: number): boolean;
  /** Buffer for the next read; `undefined` keeps the present one. */
  nextBuffer(): Buffer | undefined;
  writesDone(): void;
}

export interface SocketOptions {
  readonly owner: SocketOwner;
  readonly firstBuffer: Buffer;
  /** The handle of an accepted connection. */
  readonly handle?: unknown;
}

/** Node's object for a write that the kernel has not taken whole. */
interface WriteRequest {
  handle: unknown;
  oncomplete: (status: number) => void;
  /** The outcome, if it was known before `oncomplete` was there. */
  writeStatus: number | null;
}

/** What the socket's handle offers, as far as it is used here. */
interface Handle {
  /** Returns 0 when the kernel has taken the text, an error number, or the request under way. */
  writeLatin1String(request: null, text: string): number | WriteRequest;
}

/** Longer strings are copied by Node before they are tried. */
const MAX_DIRECT_CHARACTERS = 16000;

/** Whether handles write as described above: that is no documented API, so versions that were not looked at do without. */
const CAN_WRITE_DIRECTLY = process.versions.node.startsWith('26.');

export class StreamSocket extends net.Socket {
  readonly #owner: SocketOwner;
  #writing: ((error?: Error | null) => void) | undefined = undefined;
  #synchronous = false;
  /** Direct writes that the kernel has not taken whole yet. */
  #direct = 0;
  #closeWhenSent = false;

  constructor(options: SocketOptions) {
    let first: Buffer | undefined = options.firstBuffer;
    const { owner } = options;
    super({
      handle: options.handle,
      allowHalfOpen: true,
      onread: {
        buffer: () => {
          const buffer = first;
          first = undefined;
          return (buffer ?? owner.nextBuffer()) as Buffer;
        },
        callback: (length: number, buffer: Uint8Array) => owner.received(buffer as Buffer, length),
      },
    } as net.SocketConstructorOpts);
    this.#owner = owner;
  }

  /** Whether all that was written is with the kernel. */
  get allSent(): boolean {
    return this.writableLength === 0 && this.#direct === 0;
  }

  /** Writes Latin-1 text; returns `allSent`. */
  writeText(text: string): boolean {
    if (this.writableLength > 0 || text.length > MAX_DIRECT_CHARACTERS || !this.#writeDirectly(text))
      this.write(text, 'latin1');
    return this.allSent;
  }

  /** Closes the connection when all that was written is with the kernel. */
  closeWhenSent(): void {
    if (this.#direct > 0) this.#closeWhenSent = true;
    else this.destroySoon();
  }

  override _write(data: unknown, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#writing = callback;
    this.#synchronous = true;
    super._write(data, encoding, this.#written);
    this.#synchronous = false;
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#writing = callback;
    this.#synchronous = true;
    (net.Socket.prototype as Required<net.Socket>)._writev.call(this, chunks, this.#written);
    this.#synchronous = false;
  }

  readonly #written = (error?: Error | null): void => {
    const callback = this.#writing;
    this.#writing = undefined;
    callback?.(error);
    if (!this.#synchronous && !error && this.allSent) this.#owner.writesDone();
  };

  get #handle(): Handle | null {
    return (this as unknown as { readonly _handle: Handle | null })._handle;
  }

  /** Returns whether the text has been taken; if not, nothing of it was written. */
  #writeDirectly(text: string): boolean {
    const handle = this.#handle;
    if (!CAN_WRITE_DIRECTLY || !handle || this.connecting || this.writableEnded) return false;
    const result = handle.writeLatin1String(null, text);
    if (result === 0) return true;
    // An error shows again on the ordinary way, which tells those who need to know.
    if (typeof result === 'number') return false;
    this.#await(result, handle);
    return true;
  }

  #await(request: WriteRequest, handle: Handle): void {
    this.#direct++;
    request.handle = handle;
    request.oncomplete = (status) => {
      this.#direct--;
      if (this.destroyed) return;
      if (status < 0) this.destroy(Object.assign(new Error('write failed'), { errno: status, syscall: 'write' }));
      else if (this.allSent) this.#sent();
    };
    if (request.writeStatus !== null) request.oncomplete(request.writeStatus);
  }

  #sent(): void {
    if (this.#closeWhenSent) this.destroySoon();
    else this.#owner.writesDone();
  }
}
