// What byte streams over sockets have in common: addresses, the receiver and its faults, the end. See `tcp-stream.ts` and `tls-stream.ts`.
import type net from 'node:net';
import { StreamFault, type StreamReceiver } from '#model/byte-stream.ts';

export interface StreamAddress {
  readonly address: string;
  readonly port: number;
}

/** A connected socket that another kind of stream takes over, with the addresses that it stands for. */
export interface Transport {
  readonly socket: net.Socket;
  readonly source: StreamAddress;
  /** `undefined` for the socket's own. */
  readonly destination: StreamAddress | undefined;
  /** Whether a reset is possible: Unix sockets know none. */
  readonly isTcp: boolean;
}

export abstract class SocketStream {
  receiver: StreamReceiver;
  remoteAddress = '';
  remotePort = 0;
  relaying = false;
  endedUnannounced = false;
  #closed = false;
  /** What ended the stream, once that is known. */
  protected failure: NodeJS.ErrnoException | undefined = undefined;
  /** Whether a reset is possible: Unix sockets know none. */
  protected isTcp = true;

  constructor(receiver: StreamReceiver) {
    this.receiver = receiver;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends the stream at once for a fault of ours. */
  protected abstract fail(fault: StreamFault): void;

  /** Whatever a peer does, a failure of its receiver ends this stream alone. */
  protected tell(event: (receiver: StreamReceiver) => void): void {
    if (this.#closed) return;
    try {
      event(this.receiver);
    } catch (error) {
      this.fail(new StreamFault(error));
    }
  }

  /** To be called once, when the socket is gone. */
  protected socketClosed(): void {
    this.#closed = true;
    try {
      this.receiver.closed(this.failure);
    } catch (error) {
      // There is nobody left to tell but the people who can mend it.
      process.emitWarning(new StreamFault(error));
    }
  }
}
