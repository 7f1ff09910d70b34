// UDP for tests: clients that send datagrams and await them, endpoints that answer, ports on which nobody listens.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { CleansUp } from './gateway.ts';
import { closedPort } from './ports.ts';

export interface Datagram {
  readonly bytes: Buffer;
  readonly from: RemoteInfo;
}

/** A socket whose datagrams are awaited one after the other. */
export class UdpPeer {
  readonly socket: Socket;
  /** All that came. */
  readonly received: Datagram[] = [];
  #taken = 0;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (bytes, from) => {
      this.received.push({ bytes, from });
      this.#wake();
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** As it is written in a configuration. */
  get address(): string {
    const { address, port } = this.socket.address();
    return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** The next datagram that nobody has awaited yet. */
  async next(): Promise<Datagram> {
    for (;;) {
      const datagram = this.received[this.#taken];
      if (datagram) {
        this.#taken++;
        return datagram;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The text of the next datagram. */
  async nextText(): Promise<string> {
    return (await this.next()).bytes.toString();
  }

  send(bytes: string | Uint8Array, port: number): Promise<void> {
    const { address } = this.socket.address();
    return new Promise((resolve, reject) =>
      this.socket.send(bytes, port, isIPv6(address) ? '::1' : '127.0.0.1', (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }

  /** Sends and returns the text of what comes next. */
  async ask(text: string, port: number): Promise<string> {
    await this.send(text, port);
    return await this.nextText();
  }
}

/** A socket on a free port, or `port`, of an address of this machine; closed after the test. */
export async function bindUdp(t: CleansUp, { host = '127.0.0.1', port = 0 } = {}): Promise<UdpPeer> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.bind({ address: host, port, exclusive: true });
  await once(socket, 'listening');
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  t.after(() => {
    if (isOpen) socket.close();
  });
  return new UdpPeer(socket);
}

/** An endpoint that sends each datagram back behind `name`, as often as `times` says. */
export async function startUdpEcho(t: CleansUp, name = '', options: { host?: string; times?: number } = {}) {
  const { times = 1, ...where } = options;
  const peer = await bindUdp(t, where);
  peer.socket.on('message', (bytes, { port, address }) => {
    for (let count = 0; count < times; count++) peer.socket.send(`${name}${bytes}`, port, address);
  });
  return peer;
}

/** A port that is free for UDP too, on which nobody listens. */
export async function closedUdpPort(): Promise<number> {
  for (;;) {
    const port = await closedPort();
    const socket = createSocket('udp4');
    socket.bind({ address: '127.0.0.1', port, exclusive: true });
    const isFree = await once(socket, 'listening').then(
      () => true,
      () => false,
    );
    socket.close();
    if (isFree) return port;
  }
}
