// The net.Socket beneath TcpStream. Reads by `onread` into buffers of ours, and tells when a write has left the process at
// once. The one place that reaches below Node's documented API; each such reach has an ordinary way beside it.
//
// Hot path. Reading by `onread` spares an allocation and the stream machinery a read (measured: 15.8-17.0 us against 18-22 us a
// proxied request), knowing at once whether a write went through lets buffers be used again without a copy, and what the kernel
// takes at once is written past the stream machinery, which would make an object and several calls of it.
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
  /** Keeps the bytes alive until they have been taken. */
  buffer?: Uint8Array;
  oncomplete: (status: number) => void;
  /** The outcome, if it was known before `oncomplete` was there. */
  writeStatus: number | null;
}

/** What the socket's handle offers, as far as it is used here. */
interface Handle {
  /** Returns 0 when the kernel has taken the text, an error number, or the request under way. */
  writeLatin1String(request: null, text: string): number | WriteRequest;
  /** The same for bytes. */
  writeBuffer(request: null, bytes: Uint8Array): number | WriteRequest;
}

/** Longer strings are copied by Node before they are tried. */
const MAX_DIRECT_CHARACTERS = 16000;

/** Parts that are no larger together are copied into one buffer: less than a list of buffers costs (measured: 1 us of 6 for 10 KiB). */
const GATHER_BYTES = 32768;
/** Up to here joining strings costs less than that. */
const MAX_JOINED_CHARACTERS = 1024;
let gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);

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

  /** Writes bytes, which are left alone until all is sent; returns `allSent`. */
  writeBytes(bytes: Uint8Array): boolean {
    if (this.writableLength > 0 || !this.#writeBytesDirectly(bytes)) this.write(bytes);
    return this.allSent;
  }

  /** Writes Latin-1 text, content (a string is Latin-1 too) and text as one; returns `allSent`. */
  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    if (typeof body === 'string' && body.length <= MAX_JOINED_CHARACTERS) return this.writeText(head + body + tail);
    const length = head.length + body.length + tail.length;
    if (this.writableLength > 0 || length > GATHER_BYTES || !this.#gatherDirectly(head, body, tail)) {
      this.cork();
      if (head !== '') this.write(head, 'latin1');
      if (typeof body === 'string') this.write(body, 'latin1');
      else this.write(body);
      if (tail !== '') this.write(tail, 'latin1');
      this.uncork();
    }
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
    if (error) {
      behindNextReads(() => callback?.(error));
      return;
    }
    callback?.();
    if (!this.#synchronous && this.allSent) this.#sent();
  };

  get #handle(): Handle | null {
    return (this as unknown as { readonly _handle: Handle | null })._handle;
  }

  /** The handle, if it can be written to past the stream machinery. */
  get #directHandle(): Handle | null {
    return CAN_WRITE_DIRECTLY && !this.connecting && !this.writableEnded ? this.#handle : null;
  }

  /** Returns whether the text has been taken; if not, nothing of it was written. */
  #writeDirectly(text: string): boolean {
    const handle = this.#directHandle;
    return handle !== null && this.#isTaken(handle.writeLatin1String(null, text), handle, undefined);
  }

  /** Like `#writeDirectly`. */
  #writeBytesDirectly(bytes: Uint8Array): boolean {
    const handle = this.#directHandle;
    return handle !== null && this.#isTaken(handle.writeBuffer(null, bytes), handle, bytes);
  }

  /** Like `#writeDirectly` of all three. */
  #gatherDirectly(head: string, body: string | Uint8Array, tail: string): boolean {
    if (!this.#directHandle) return false;
    const buffer = gathered;
    let length = buffer.write(head, 0, 'latin1');
    if (typeof body === 'string') length += buffer.write(body, length, 'latin1');
    else {
      buffer.set(body, length);
      length += body.length;
    }
    if (tail !== '') length += buffer.write(tail, length, 'latin1');
    const taken = this.#writeBytesDirectly(buffer.subarray(0, length));
    // What the kernel has not taken is still read from there.
    if (this.#direct > 0) gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);
    return taken;
  }

  #isTaken(result: number | WriteRequest, handle: Handle, bytes: Uint8Array | undefined): boolean {
    if (result === 0) return true;
    // An error shows again on the ordinary way, which tells those who need to know.
    if (typeof result === 'number') return false;
    if (bytes) result.buffer = bytes;
    this.#await(result, handle);
    return true;
  }

  #await(request: WriteRequest, handle: Handle): void {
    this.#direct++;
    request.handle = handle;
    request.oncomplete = (status) => {
      if (status < 0) {
        const error = Object.assign(new Error('write failed'), { errno: status, syscall: 'write' });
        behindNextReads(() => this.destroy(error));
        return;
      }
      this.#direct--;
      if (!this.destroyed && this.allSent) this.#sent();
    };
    if (request.writeStatus !== null) request.oncomplete(request.writeStatus);
  }

  #sent(): void {
    if (this.#closeWhenSent) this.destroySoon();
    else this.#owner.writesDone();
  }
}

/**
 * Calls back when what has arrived by now has been read. A peer that closes without reading all that was sent to it resets the connection, so
 * that a write fails; what it has said before, such as why it reads no more, is there all the same. RFC 9112 9.5: a client "SHOULD monitor the
 * network connection for an error response while it is transmitting the request".
 */
function behindNextReads(callback: () => void): void {
  // What is set here runs behind the present round of events, and what is set there behind a whole new one.
  setImmediate(() => setImmediate(callback));
}
