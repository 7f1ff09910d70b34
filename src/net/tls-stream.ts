// A TLS connection as a ByteStream, of either role. TLS itself is Node's; what its sockets cannot do as documented is in `tls-reading.ts`.
import net from 'node:net';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { withoutMapping } from '#lib/ip-address.ts';
import type { ByteStream, StreamFault, StreamReceiver } from '#model/byte-stream.ts';
import type { TlsFacts } from '#model/tls.ts';
import { NOT_ASKED } from './client-certificate.ts';
import { closeLate } from './late-close.ts';
import { SocketStream, type Transport } from './socket-stream.ts';
import type { ConnectTarget } from './tcp-stream.ts';
import type { Handshake, ServerFacts, TlsAcceptor } from './tls-acceptor.ts';
import { readInto, watchEnd } from './tls-reading.ts';

/** A record holds 16 KiB of content at most, and is read for itself. All TLS streams of this worker read into it. */
const sharedBuffer = Buffer.allocUnsafeSlow(16384);
/** Parts of a message are put together here: TLS encrypts, and so copies, during the write. */
const gathered = Buffer.allocUnsafeSlow(32768);

export interface TlsConnectOptions extends ConnectionOptions {
  /** Sent ahead of the handshake. */
  readonly preface?: Uint8Array | undefined;
  /** Called with each session that a later connection can continue, as `session` of its options. */
  readonly onSession?: ((session: Buffer) => void) | undefined;
}

export interface AcceptReceiver extends StreamReceiver {
  /**
   * OpenSSL has told the client by an alert that it is refused, for want of a certificate. The stream is of no more use, and is to be closed
   * when the client has had time to read that.
   */
  refused?(error: NodeJS.ErrnoException): void;
}

/** Where this side is the client, what a server knows means nothing. */
const OF_A_CLIENT: ServerFacts = { ...NOT_ASKED, covers: () => true };

export class TlsStream extends SocketStream implements ByteStream, Handshake {
  tls: TlsFacts | undefined = undefined;
  readonly #transport: Transport;
  /** Until the handshake is over: whoever saw to it is not to stay for as long as the stream. */
  #onSecured: (() => void) | undefined;
  #onRefused: AcceptReceiver['refused'];
  /** From the end of the handshake on. */
  #socket: TLSSocket | undefined = undefined;
  #isReset = false;
  #paused = false;
  /** What was decrypted after the receiver had stopped the reading: records that had come with the one before. */
  readonly #held: Buffer[] = [];
  /** Closes the connection, where the client has been refused. */
  #closeNow: (() => void) | undefined = undefined;
  /** Whether the peer has ended behind what is held. */
  #endedBehind = false;

  /** Begins the server's side of a handshake; `secured` is called at its end, `receiver.closed` when it fails. */
  static accept(transport: Transport, acceptor: TlsAcceptor, receiver: AcceptReceiver, secured: () => void): TlsStream {
    const stream = new TlsStream(transport, receiver, secured);
    acceptor.accept(transport.socket, stream);
    return stream;
  }

  /** Starts to connect; `secured` is called when the handshake is done, `receiver.closed` when something fails before. */
  static connect(
    target: ConnectTarget,
    options: TlsConnectOptions,
    receiver: StreamReceiver,
    secured: () => void,
  ): TlsStream {
    const { host, port, socketPath } = target;
    const isTcp = socketPath === '';
    const socket = new net.Socket({ allowHalfOpen: true });
    socket.setNoDelay(true);
    const source = { address: isTcp ? host : '', port: isTcp ? port : 0 };
    const stream = new TlsStream({ socket, source, destination: undefined, isTcp }, receiver, secured);
    socket.once('connect', () => {
      if (options.preface) socket.write(options.preface);
      const secure = tls.connect({ ...options, socket });
      if (options.onSession) secure.on('session', options.onSession);
      secure.once('secureConnect', () => stream.secured(secure, OF_A_CLIENT));
      secure.on('error', (error: NodeJS.ErrnoException) => stream.failed(error));
    });
    if (isTcp) socket.connect({ host, port });
    else socket.connect({ path: socketPath });
    return stream;
  }

  private constructor(transport: Transport, receiver: AcceptReceiver, secured: () => void) {
    super(receiver);
    this.#transport = transport;
    this.#onSecured = secured;
    this.#onRefused = receiver.refused?.bind(receiver);
    this.isTcp = transport.isTcp;
    this.remoteAddress = transport.source.address;
    this.remotePort = transport.source.port;
    transport.socket.on('error', (error: NodeJS.ErrnoException) => this.#note(error));
    transport.socket.on('close', () => {
      if (this.#socket) this.socketClosed();
      // Why a handshake has failed is told behind the end of its socket.
      else setImmediate(() => this.socketClosed());
    });
  }

  get localAddress(): string {
    const { destination, socket } = this.#transport;
    return destination?.address ?? withoutMapping(socket.localAddress ?? '');
  }

  get localPort(): number {
    const { destination, socket } = this.#transport;
    return destination?.port ?? socket.localPort ?? 0;
  }

  /** Of content: what TLS adds is not counted. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  get bytesWritten(): number {
    return this.#socket?.bytesWritten ?? 0;
  }

  /** Unlike TCP, keeps nothing of `data` whatever it returns: false says only that much waits to be sent. */
  write(data: string | Uint8Array): boolean {
    const socket = this.#writable;
    if (!socket) return true;
    if (typeof data === 'string') socket.write(data, 'latin1');
    else socket.write(ownBytes(socket, data));
    return !socket.writableNeedDrain;
  }

  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    const socket = this.#writable;
    if (!socket) return true;
    if (typeof body === 'string') socket.write(head + body + tail, 'latin1');
    else if (head.length + body.length + tail.length <= gathered.length)
      socket.write(ownBytes(socket, gather(head, body, tail)));
    else {
      const own = ownBytes(socket, body);
      socket.cork();
      if (head !== '') socket.write(head, 'latin1');
      socket.write(own);
      if (tail !== '') socket.write(tail, 'latin1');
      socket.uncork();
    }
    return !socket.writableNeedDrain;
  }

  keep(): void {}

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.closed) return;
    if (this.#held.length > 0 || this.#endedBehind) process.nextTick(() => this.#deliverHeld());
    else this.#socket?.resume();
  }

  end(): void {
    this.#socket?.end();
  }

  closeWhenSent(): void {
    this.#socket?.destroySoon();
  }

  abort(): void {
    // RFC 8446 6.1: each party "MUST send a close_notify alert before closing its write side"; it goes out at once, or not at all.
    if (this.#writable?.writableLength === 0) this.#socket?.end();
    if (this.#closeNow) this.#closeNow();
    else (this.#socket ?? this.#transport.socket).destroy();
  }

  reset(): void {
    const { socket } = this.#transport;
    // What is written from here on would go to a handle that is being closed.
    this.#isReset = true;
    if (this.isTcp) socket.resetAndDestroy();
    else socket.destroy();
  }

  secured(socket: TLSSocket, server: ServerFacts): void {
    this.#socket = socket;
    this.tls = factsOf(socket, server);
    socket.on('error', (error: NodeJS.ErrnoException) => this.failed(error));
    socket.on('end', () => this.#ended());
    watchEnd(socket, () => {
      this.endedUnannounced = true;
    });
    socket.on('drain', () => this.tell((receiver) => receiver.drained()));
    const isDirect = readInto(socket, sharedBuffer, (length, buffer) => this.#received(buffer, length));
    if (!isDirect) {
      socket.on('data', (bytes: Buffer) => {
        if (!this.#received(bytes, bytes.length)) socket.pause();
      });
    }
    const onSecured = this.#onSecured;
    this.#onSecured = undefined;
    this.#onRefused = undefined;
    this.tell(() => onSecured?.());
    if (this.#paused) return;
    socket.resume();
    socket.read(0);
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#note(error);
    this.abort();
  }

  refused(error: NodeJS.ErrnoException): void {
    if (!this.#onRefused) {
      this.failed(error);
      return;
    }
    this.#note(error);
    this.#closeNow = closeLate(this.#transport.socket);
    this.tell(() => this.#onRefused?.(error));
  }

  protected override fail(fault: StreamFault): void {
    this.failure = fault;
    this.abort();
  }

  /** The socket, as long as something can be written. */
  get #writable(): TLSSocket | undefined {
    const socket = this.#socket;
    return socket && !this.closed && !this.#isReset && !socket.writableEnded && !socket.destroyed ? socket : undefined;
  }

  /** The first error is the one that counts. */
  #note(error: NodeJS.ErrnoException): void {
    this.failure ??= error;
  }

  #received(buffer: Buffer, length: number): boolean {
    if (this.closed || this.#isReset || this.#socket?.destroyed) return false;
    // Reading that was stopped goes on with what has been received already.
    if (this.#paused || this.#held.length > 0) {
      this.#held.push(Buffer.from(buffer.subarray(0, length)));
      return false;
    }
    return this.#give(buffer, length);
  }

  #give(buffer: Buffer, length: number): boolean {
    let goOn = false;
    this.tell((receiver) => {
      goOn = receiver.bytes(buffer, length, false);
    });
    if (!goOn) this.#paused = true;
    return goOn;
  }

  #deliverHeld(): void {
    while (!this.#paused && !this.closed) {
      const bytes = this.#held.shift();
      if (!bytes) break;
      this.#give(bytes, bytes.length);
    }
    if (this.#paused) return;
    if (this.#endedBehind) {
      this.#endedBehind = false;
      this.tell((receiver) => receiver.ended());
    } else if (!this.closed) {
      this.#socket?.resume();
    }
  }

  #ended(): void {
    if (this.#paused || this.#held.length > 0) this.#endedBehind = true;
    else this.tell((receiver) => receiver.ended());
  }
}

/** Bytes that may be left to the socket: while it is busy with a write, those of the next wait as they are. */
function ownBytes(socket: TLSSocket, bytes: Uint8Array): Uint8Array {
  return socket.writableLength > 0 ? Buffer.from(bytes) : bytes;
}

/** All three in one, valid until the next call. */
function gather(head: string, body: Uint8Array, tail: string): Uint8Array {
  let length = gathered.write(head, 0, 'latin1');
  gathered.set(body, length);
  length += body.length;
  if (tail !== '') length += gathered.write(tail, length, 'latin1');
  return gathered.subarray(0, length);
}

function factsOf(socket: TLSSocket, server: ServerFacts): TlsFacts {
  const { alpnProtocol } = socket;
  const { servername } = socket as unknown as { readonly servername: string | false | null };
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    alpn: alpnProtocol || '',
    serverName: (servername || '').toLowerCase(),
    resumed: socket.isSessionReused(),
    ...server,
  };
}
