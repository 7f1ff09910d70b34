// The contract of a connection's bytes, the same over TCP, TLS and Unix sockets. `net/` implements it.
import type { TlsFacts } from './tls.ts';

/** What reads a byte stream. Exactly one receiver at a time; replaced by assignment to `ByteStream.receiver`. */
export interface StreamReceiver {
  /**
   * Takes the first `length` bytes of `buffer`. Returns false to stop the reading until `resume()`. The bytes are valid during
   * this call only; unless `mayKeep`: then answering false also keeps them, until `resume()`.
   */
  bytes(buffer: Buffer, length: number, mayKeep: boolean): boolean;
  /** Everything written has been handed to the kernel, after a `write` that returned false. */
  drained(): void;
  /** The peer sends no more (FIN, or TLS's close_notify); writing goes on until `end()`. See `ByteStream.endedUnannounced`. */
  ended(): void;
  /** The stream is gone, for good; called exactly once, also after `abort()`. A `StreamFault` tells of a fault of ours. */
  closed(error: NodeJS.ErrnoException | undefined): void;
}

/** A receiver threw, which is a fault of ours: it ends the stream it came on and nothing else. `cause` is what was thrown. */
export class StreamFault extends Error {
  constructor(cause: unknown) {
    super('the receiver of a stream has failed', { cause });
    this.name = 'StreamFault';
  }
}

export interface ByteStream {
  receiver: StreamReceiver;
  /** Address of the peer without port; '' for a Unix socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** What the handshake has agreed on; `undefined` on streams without TLS, and before the handshake is done. */
  readonly tls: TlsFacts | undefined;
  readonly closed: boolean;
  /**
   * Whether the peer has ended by FIN alone where its protocol announces the end (TLS, by close_notify): then somebody on the way may have
   * cut off what was still to come. Meaningful from `StreamReceiver.ended` on.
   */
  readonly endedUnannounced: boolean;
  /** Bytes received and written since the start. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /**
   * Hint that content is being relayed: large reads then land in a buffer of this stream's own, so that they can be sent on
   * without a copy. Off by default: all streams of a worker share one receive buffer.
   */
  relaying: boolean;
  /**
   * Sends `data` (a string is Latin-1). Returns true when all of it is with the kernel, so that its memory is free again;
   * false when some of it waits: wait for `drained()` before sending more, and leave its memory alone until then.
   */
  write(data: string | Uint8Array): boolean;
  /** Like `write` of the three in a row, as one system call. */
  writeParts(head: string, body: string | Uint8Array, tail: string): boolean;
  /** During `StreamReceiver.bytes` with `mayKeep`: the bytes stay with the receiver, whatever it answers, and the next ones land elsewhere. */
  keep(): void;
  pause(): void;
  resume(): void;
  /** Sends FIN after what was written; reading goes on. */
  end(): void;
  /** Closes both ways when what was written has gone out; reads no more. */
  closeWhenSent(): void;
  /** Closes at once; what was not yet sent is lost. */
  abort(): void;
  /** Closes at once with a TCP reset, so that the peer does not take what it got for complete; like `abort` on Unix sockets. */
  reset(): void;
}
