// An HTTP/2 stream as a ByteStream, for what runs through extended CONNECT (RFC 8441), on either side of the gateway.
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import { StreamFault } from '#model/byte-stream.ts';
import type { TlsFacts } from '#model/tls.ts';
import type { Http2Stream, StreamLoss, StreamOwner } from '#wire/http2/stream.ts';
import { HeldBytes } from './held-bytes.ts';

/** The connection that the stream is part of. */
export interface StreamConnection {
  readonly tls: TlsFacts | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Of a stream whose owner has not set one. */
const NOBODY: StreamReceiver = { bytes: () => false, drained() {}, ended() {}, closed() {} };

export class Http2ByteStream implements ByteStream, StreamOwner {
  receiver: StreamReceiver = NOBODY;
  readonly endedUnannounced = false;
  relaying = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #connection: StreamConnection;
  readonly #stream: Http2Stream;
  /** What was received and not passed on, as reading is paused. At most a stream window. */
  readonly #received: HeldBytes;
  #paused = true;
  /** Octets passed on to a receiver that then paused: the peer gets leave for more when it goes on. */
  #unclaimed = 0;
  /** What waits to be sent behind what the stream holds. */
  #unsent: Uint8Array[] = [];
  #waiting = false;
  #ending = false;
  #remoteEnded = false;
  #endTold = false;
  #closed = false;

  /** Takes the stream over from its owner, with what came `early`, paused. */
  constructor(stream: Http2Stream, connection: StreamConnection, early = new HeldBytes()) {
    this.#stream = stream;
    this.#connection = connection;
    this.#received = early;
    this.#remoteEnded = stream.remoteEnded;
    stream.owner = this;
    stream.isTunnel = true;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  get remotePort(): number {
    return this.#connection.remotePort;
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  get tls(): TlsFacts | undefined {
    return this.#connection.tls;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(data: string | Uint8Array): boolean {
    if (this.#closed || this.#ending) return true;
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    this.bytesWritten += bytes.length;
    if (this.#waiting) this.#unsent.push(bytes);
    else this.#waiting = !this.#stream.send(bytes);
    return !this.#waiting;
  }

  writeParts(head: string, body: string | Uint8Array, tail: string): boolean {
    if (head !== '') this.write(head);
    this.write(body);
    if (tail !== '') this.write(tail);
    return !this.#waiting;
  }

  keep(): void {}

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (this.#closed) return;
    this.#paused = false;
    if (this.#unclaimed > 0) this.#stream.consumed(this.#unclaimed);
    this.#unclaimed = 0;
    while (!this.#paused) {
      const next = this.#received.shift();
      if (!next) break;
      this.#pass(next);
    }
    this.#tellEnd();
  }

  /** RFC 8441 5: "Orderly TCP-level closures are represented as END_STREAM flags". */
  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    if (this.#waiting) return;
    this.#stream.end();
    this.#checkClosed();
  }

  closeWhenSent(): void {
    this.end();
    this.#dropReceived();
    if (!this.#waiting) this.#close('NO_ERROR');
  }

  /** RFC 8441 5: "RST exceptions are represented with the RST_STREAM frame with the CANCEL error code". */
  abort(): void {
    this.#close('CANCEL');
  }

  reset(): void {
    this.#close('CANCEL');
  }

  // What the stream tells.

  receiveData(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    if (this.#paused || this.#received.length > 0) this.#received.push(bytes);
    else this.#pass(bytes);
  }

  receiveEnd(): void {
    this.#remoteEnded = true;
    this.#tellEnd();
  }

  lost({ reason, code }: StreamLoss): void {
    // A peer that ends a stream without an error has said all it had to.
    this.#tellClosed(code === 'NO_ERROR' ? undefined : Object.assign(new Error(reason), { code: 'ECONNRESET' }));
  }

  sent(): void {
    this.#waiting = false;
    while (this.#unsent.length > 0 && !this.#waiting)
      this.#waiting = !this.#stream.send(this.#unsent.shift() as Uint8Array);
    if (this.#waiting) return;
    if (this.#ending) {
      this.#stream.end();
      this.#checkClosed();
    } else {
      this.#guard(() => this.receiver.drained());
    }
  }

  #pass(bytes: Buffer): void {
    let goOn = false;
    this.#guard(() => {
      goOn = this.receiver.bytes(bytes, bytes.length, false);
    });
    if (goOn) {
      this.#stream.consumed(bytes.length);
    } else {
      this.#paused = true;
      this.#unclaimed += bytes.length;
    }
  }

  #tellEnd(): void {
    if (!this.#remoteEnded || this.#endTold || this.#received.length > 0 || this.#paused) return;
    this.#endTold = true;
    this.#guard(() => this.receiver.ended());
    this.#checkClosed();
  }

  /** Both sides have ended. */
  #checkClosed(): void {
    if (this.#endTold && this.#ending && !this.#waiting) this.#closeLater(undefined);
  }

  #close(code: 'NO_ERROR' | 'CANCEL'): void {
    if (this.#closed) return;
    this.#stream.reset(code);
    this.#closeLater(undefined);
  }

  /** Like a socket, it tells of its end when whoever has ended it is done. */
  #closeLater(error: NodeJS.ErrnoException | undefined): void {
    setImmediate(() => this.#tellClosed(error));
  }

  #tellClosed(error: NodeJS.ErrnoException | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dropReceived();
    this.#unsent = [];
    try {
      this.receiver.closed(error);
    } catch (fault) {
      // There is nobody left to tell but the people who can mend it.
      process.emitWarning(new StreamFault(fault));
    }
  }

  #dropReceived(): void {
    const bytes = this.#received.length + this.#unclaimed;
    this.#received.clear();
    this.#unclaimed = 0;
    if (bytes > 0) this.#stream.consumed(bytes);
  }

  /** A receiver that throws ends this stream alone. */
  #guard(event: () => void): void {
    try {
      event();
    } catch (error) {
      this.#stream.reset('INTERNAL_ERROR');
      this.#closeLater(new StreamFault(error));
    }
  }
}
