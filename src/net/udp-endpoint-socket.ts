// A UDP socket that is connected to one endpoint: what comes from elsewhere is not seen, and a refusal of the endpoint is.
import dgram from 'node:dgram';
import dns from 'node:dns';
import { isIP } from 'node:net';

/** More than this waiting for the kernel is too much: what comes on top is dropped. */
const MAX_WAITING_BYTES = 262_144;

/** Errors that concern one datagram and not the endpoint. */
const OF_ONE_DATAGRAM: ReadonlySet<string> = new Set(['EMSGSIZE', 'ENOBUFS', 'EAGAIN']);

export interface DatagramReceiver {
  /** Datagrams can be sent from here on. */
  opened(): void;
  /** A datagram of the endpoint, whose memory is the receiver's. */
  datagram(bytes: Buffer): void;
  /** A datagram that was taken could not be sent after all, for which the endpoint is not to blame: it may be too long. */
  dropped(): void;
  /** The socket could not be opened, or the endpoint cannot be reached (ICMP). May be called again, until the socket is closed. */
  failed(error: NodeJS.ErrnoException): void;
}

export class UdpEndpointSocket {
  readonly #receiver: DatagramReceiver;
  #socket: dgram.Socket | undefined = undefined;
  #remote: dgram.RemoteInfo | { readonly address: string; readonly port: number } = { address: '', port: 0 };
  #closed = false;

  /** Starts to open a socket to `host`, a name or an address. */
  constructor(host: string, port: number, receiver: DatagramReceiver) {
    this.#receiver = receiver;
    if (isIP(host) !== 0) {
      this.#connect(host, port);
      return;
    }
    dns.lookup(host, (error, address) => {
      if (this.#closed) return;
      if (error) receiver.failed(error);
      else this.#connect(address, port);
    });
  }

  /** Sends the parts as one datagram; returns false when too much waits already. Their memory is left alone from here on. */
  send(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (this.#closed || !socket || socket.getSendQueueSize() > MAX_WAITING_BYTES) return false;
    socket.send(parts, this.#sent);
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.close();
  }

  #connect(address: string, port: number): void {
    const socket = dgram.createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(error));
    socket.on('message', (bytes, from) => {
      // What came from others between the binding of the socket and its connection is still in its queue.
      const isEndpoint = from.port === this.#remote.port && from.address === this.#remote.address;
      if (isEndpoint && !this.#closed) this.#receiver.datagram(bytes);
    });
    socket.connect(port, address, (error?: Error) => {
      if (this.#closed) return;
      if (error) {
        this.#fail(error);
        return;
      }
      this.#remote = socket.remoteAddress();
      this.#receiver.opened();
    });
  }

  readonly #sent = (error: Error | null): void => {
    if (!error || this.#closed) return;
    if (OF_ONE_DATAGRAM.has((error as NodeJS.ErrnoException).code ?? '')) this.#receiver.dropped();
    else this.#receiver.failed(error);
  };

  #fail(error: Error): void {
    if (!this.#closed) this.#receiver.failed(error);
  }
}
