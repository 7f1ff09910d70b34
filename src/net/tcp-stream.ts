// A TCP or Unix socket connection as a ByteStream.
import type net from 'node:net';
import { BufferPool } from '#lib/buffer-pool.ts';
import { withoutMapping } from '#lib/ip-address.ts';
import { type ByteStream, StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { type SocketOwner, StreamSocket } from './stream-socket.ts';

const RECEIVE_BYTES = 65536;
/** From here on a copy costs more than a buffer of its own. */
const LARGE_READ_BYTES = 16384;
/** All streams of this worker read into it, one after the other: what a callback leaves there is overwritten by the next. */
const sharedBuffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
/** Buffers for streams that relay large content. */
const ownBuffers = new BufferPool(RECEIVE_BYTES, 64);

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket, or ''. */
  readonly socketPath: string;
}

export class TcpStream implements ByteStream, SocketOwner {
  receiver: StreamReceiver;
  remoteAddress: string;
  remotePort: number;
  relaying = false;
  /** The address that the client has connected to, where a proxy in front has told it. */
  #destination: { readonly address: string; readonly port: number } | undefined = undefined;
  readonly #socket: StreamSocket;
  /** Whether a reset is possible: Unix sockets know none. */
  readonly #isTcp: boolean;
  #closed = false;
  /** A buffer of our own, while one is in use. */
  #own: Buffer | undefined = undefined;
  /** Whether the receiver has kept what the own buffer holds. */
  #kept = false;
  #lastLength = 0;

  /** Takes over a connection that a server (with `pauseOnConnect`) has just accepted. */
  static accept(accepted: net.Socket, receiver: StreamReceiver): TcpStream {
    // The handle goes to a socket that reads by `onread`: node:net offers that only to sockets it connects itself.
    const holder = accepted as unknown as { _handle: unknown };
    const handle = holder._handle;
    holder._handle = null;
    const stream = new TcpStream(receiver, handle, '', 0);
    stream.#socket.resume();
    stream.#socket.read(0);
    return stream;
  }

  /** Starts to connect; `connected` is called when the connection stands, `receiver.closed` when it fails. */
  static connect(target: ConnectTarget, receiver: StreamReceiver, connected: () => void): TcpStream {
    const stream = new TcpStream(receiver, undefined, target.socketPath === '' ? target.host : '', target.port);
    const socket = stream.#socket;
    socket.once('connect', connected);
    if (target.socketPath !== '') socket.connect({ path: target.socketPath });
    else socket.connect({ host: target.host, port: target.port });
    return stream;
  }

  private constructor(receiver: StreamReceiver, handle: unknown, remoteAddress: string, remotePort: number) {
    this.receiver = receiver;
    const socket = new StreamSocket({ owner: this, firstBuffer: sharedBuffer, handle });
    this.#socket = socket;
    socket.setNoDelay(true);
    this.#isTcp = handle ? socket.remoteAddress !== undefined : remoteAddress !== '';
    this.remoteAddress = handle ? withoutMapping(socket.remoteAddress ?? '') : remoteAddress;
    this.remotePort = handle ? (socket.remotePort ?? 0) : remotePort;
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error;
    });
    socket.on('end', () => this.#tell((receiver) => receiver.ended()));
    socket.on('close', () => {
      this.#closed = true;
      try {
        this.receiver.closed(failure);
      } catch (error) {
        // There is nobody left to tell but the people who can mend it.
        process.emitWarning(new StreamFault(error));
      }
    });
  }

  get localAddress(): string {
    return this.#destination?.address ?? withoutMapping(this.#socket.localAddress ?? '');
  }

  get localPort(): number {
    return this.#destination?.port ?? this.#socket.localPort ?? 0;
  }

  /** From here on the stream has the addresses of the connection that a proxy in front passes on. */
  standFor(source: { address: string; port: number }, destination: { address: string; port: number }): void {
    this.remoteAddress = source.address;
    this.remotePort = source.port;
    this.#destination = destination;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  write(data: string | Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#closed || socket.writableEnded) return true;
    return typeof data === 'string' ? socket.writeText(data) : socket.writeBytes(data);
  }

  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    const socket = this.#socket;
    if (this.#closed || socket.writableEnded) return true;
    return socket.writeParts(head, body, tail);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#kept = false;
    if (!this.#closed) this.#socket.resume();
  }

  end(): void {
    if (!this.#closed) this.#socket.end();
  }

  closeWhenSent(): void {
    this.#socket.closeWhenSent();
  }

  abort(): void {
    this.#socket.destroy();
  }

  reset(): void {
    if (this.#isTcp) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  received(buffer: Buffer, length: number): boolean {
    if (this.#closed || this.#socket.destroyed) return false;
    this.#lastLength = length;
    try {
      const goOn = this.receiver.bytes(buffer, length, this.#own !== undefined);
      this.#kept = !goOn;
      return goOn;
    } catch (error) {
      this.#socket.destroy(new StreamFault(error));
      return false;
    }
  }

  nextBuffer(): Buffer | undefined {
    const wanted = this.relaying && this.#lastLength >= LARGE_READ_BYTES;
    if (wanted === (this.#own !== undefined)) return undefined;
    if (wanted) {
      this.#own = ownBuffers.take();
      return this.#own;
    }
    // A buffer whose bytes somebody still sends is left to the garbage collector.
    if (this.#own && !this.#kept) ownBuffers.give(this.#own);
    this.#own = undefined;
    return sharedBuffer;
  }

  writesDone(): void {
    this.#tell((receiver) => receiver.drained());
  }

  /** Whatever a peer does, a failure of its receiver ends this stream alone. */
  #tell(event: (receiver: StreamReceiver) => void): void {
    if (this.#closed) return;
    try {
      event(this.receiver);
    } catch (error) {
      this.#socket.destroy(new StreamFault(error));
    }
  }
}
