// The contract of a connection's bytes, the same over TCP, TLS and Unix sockets. `net/` implements it.

/** What reads a byte stream. Exactly one receiver at a time; replaced by assignment to `ByteStream.receiver`. */
export interface StreamReceiver {
  /**
   * Takes bytes that are valid during this call only. Returns false to keep them: the stream then reads no more and leaves
   * the bytes alone until `resume()`. Only a stream with `ownsBuffer` set may be answered false while bytes are kept.
   */
  bytes(chunk: Buffer): boolean;
  /** Everything written has been handed to the kernel, after a `write` that returned false. */
  drained(): void;
  /** The peer sends no more (FIN); writing goes on until `end()`. */
  ended(): void;
  /** The stream is gone, for good; called exactly once, also after `abort()`. */
  closed(error: NodeJS.ErrnoException | undefined): void;
}

export interface ByteStream {
  receiver: StreamReceiver;
  /** Address of the peer without port; '' for a Unix socket. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly closed: boolean;
  /** Bytes received and written since the start. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /**
   * Whether received bytes land in a buffer of this stream's own, which makes relaying large content free of copies. Takes
   * effect with the next read. Off by default: all streams of a worker share one receive buffer.
   */
  ownsBuffer: boolean;
  /**
   * Sends `data` (a string is Latin-1). Returns true when all of it is with the kernel, so that its memory is free again;
   * false when some of it waits: wait for `drained()` before sending more, and leave its memory alone until then.
   */
  write(data: string | Uint8Array): boolean;
  /** Like `write` of the three in a row, as one system call. */
  writeParts(head: string, body: Uint8Array, tail: string): boolean;
  pause(): void;
  resume(): void;
  /** Sends FIN after what was written; reading goes on. */
  end(): void;
  /** Closes at once; what was not yet sent is lost. */
  abort(): void;
  /** Closes at once with a TCP reset, so that the peer does not take what it got for complete. */
  reset(): void;
}
