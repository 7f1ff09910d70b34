// A TCP or Unix socket connection as a ByteStream.
import type net from 'node:net';
import { BufferPool } from '#lib/buffer-pool.ts';
import { withoutMapping } from '#lib/ip-address.ts';
import { type ByteStream, StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { SocketStream, type StreamAddress, type Transport } from './socket-stream.ts';
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

export class TcpStream extends SocketStream implements ByteStream, SocketOwner {
  readonly tls = undefined;
  /** The address that the client has connected to, where a proxy in front has told it. */
  #destination: StreamAddress | undefined = undefined;
  readonly #socket: StreamSocket;
  /** Whether the socket belongs to somebody else now. */
  #released = false;
  /** A buffer of our own, while one is in use. */
  #own: Buffer | undefined = undefined;
  /** Whether the receiver has kept what the own buffer holds. */
  #kept = false;
  /** Whether the receiver has it for good. */
  #givenAway = false;
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
    super(receiver);
    const socket = new StreamSocket({ owner: this, firstBuffer: sharedBuffer, handle });
    this.#socket = socket;
    socket.setNoDelay(true);
    this.isTcp = handle ? socket.remoteAddress !== undefined : remoteAddress !== '';
    this.remoteAddress = handle ? withoutMapping(socket.remoteAddress ?? '') : remoteAddress;
    this.remotePort = handle ? (socket.remotePort ?? 0) : remotePort;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error;
    });
    socket.on('end', () => {
      if (!this.#released) this.tell((receiver) => receiver.ended());
    });
    socket.on('close', () => {
      if (!this.#released) this.socketClosed();
    });
  }

  get localAddress(): string {
    return this.#destination?.address ?? withoutMapping(this.#socket.localAddress ?? '');
  }

  get localPort(): number {
    return this.#destination?.port ?? this.#socket.localPort ?? 0;
  }

  /** From here on the stream has the addresses of the connection that a proxy in front passes on. */
  standFor(source: StreamAddress, destination: StreamAddress): void {
    this.remoteAddress = source.address;
    this.remotePort = source.port;
    this.#destination = destination;
  }

  /**
   * Gives the socket to whoever speaks another protocol on it, which reads `unread` first. This stream is of no use any more:
   * its receiver is told nothing, not even of the end.
   */
  release(unread: Buffer): Transport {
    this.#released = true;
    const socket = this.#socket;
    socket.pause();
    if (unread.length > 0) socket.unshift(Buffer.from(unread));
    return {
      socket,
      source: { address: this.remoteAddress, port: this.remotePort },
      destination: this.#destination,
      isTcp: this.isTcp,
    };
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  write(data: string | Uint8Array): boolean {
    const socket = this.#socket;
    if (this.closed || socket.writableEnded) return true;
    return typeof data === 'string' ? socket.writeText(data) : socket.writeBytes(data);
  }

  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    const socket = this.#socket;
    if (this.closed || socket.writableEnded) return true;
    return socket.writeParts(head, body, tail);
  }

  keep(): void {
    this.#givenAway = true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#kept = false;
    if (!this.closed) this.#socket.resume();
  }

  end(): void {
    if (!this.closed) this.#socket.end();
  }

  closeWhenSent(): void {
    this.#socket.closeWhenSent();
  }

  abort(): void {
    this.#socket.destroy();
  }

  reset(): void {
    if (this.isTcp) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  received(buffer: Buffer, length: number): boolean {
    if (this.closed || this.#released || this.#socket.destroyed) return false;
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
    if (this.#givenAway) {
      this.#givenAway = false;
      this.#own = undefined;
      if (!this.#wantsOwn) return sharedBuffer;
    }
    const wanted = this.#wantsOwn;
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
    if (!this.#released) this.tell((receiver) => receiver.drained());
  }

  get #wantsOwn(): boolean {
    return this.relaying && this.#lastLength >= LARGE_READ_BYTES;
  }

  protected override fail(fault: StreamFault): void {
    this.#socket.destroy(fault);
  }
}
