// Binds one UDP listener in one worker and sorts its datagrams into sessions by the address and port they come from.
import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { withoutMapping } from '#lib/ip-address.ts';
import type { Series } from '#memory/series-table.ts';
import type { ListenerSettings } from '#model/snapshot.ts';
import { countDroppedDatagram, countRefusedConnection, type Refusal } from '#telemetry/series.ts';
import { Admission } from './admission.ts';
import type { BindAddress, BoundSocket, ListenerHost, ListenerState } from './listener-host.ts';
import { type ClientAddress, type SessionOwner, UdpSession } from './udp-session.ts';

/** More than this waiting for the kernel is too much: what comes on top is dropped. */
const MAX_WAITING_BYTES = 4_194_304;

/** What all sessions together may keep of datagrams for which there is no endpoint yet. */
const MAX_KEPT_BYTES = 16_777_216;

/** Addresses of clients are no names: nothing is to be looked up. */
const asItIs = (address: string, family: number, callback: (error: null, address: string, family: number) => void) =>
  callback(null, address, family);

export class UdpListener implements BoundSocket, SessionOwner {
  readonly state: ListenerState;
  readonly host: ListenerHost;
  localAddress = '';
  localPort = 0;
  readonly #socket: dgram.Socket;
  readonly #admission: Admission;
  readonly #sessions = new Map<string, UdpSession>();
  /** Sessions whose clients have not shown that the address is theirs, the oldest first. */
  readonly #unproved = new Set<UdpSession>();
  #keptBytes = 0;
  #isServing = false;
  #isClosed = false;

  /** Binds; rejects with the system's error when that fails. */
  static async bind(
    address: BindAddress,
    settings: ListenerSettings,
    series: Series,
    host: ListenerHost,
  ): Promise<UdpListener> {
    const { address: resolved, family } = await lookup(address.host);
    const type = family === 6 ? 'udp6' : 'udp4';
    const socket = dgram.createSocket({ type, reusePort: address.shared, lookup: asItIs as never });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: resolved, port: address.port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new UdpListener(socket, settings, series, host);
  }

  private constructor(socket: dgram.Socket, settings: ListenerSettings, series: Series, host: ListenerHost) {
    this.state = { name: settings.name, settings, series, tls: undefined, draining: false };
    this.host = host;
    this.#admission = new Admission(settings.name, host);
    this.#socket = socket;
    const { address, port } = socket.address();
    this.localAddress = withoutMapping(address);
    this.localPort = port;
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    // A client that cannot be reached any more is found by its silence.
    socket.on('error', () => countDroppedDatagram(this.state.series));
  }

  get connections(): number {
    return this.#sessions.size;
  }

  serve(): void {
    this.#isServing = true;
  }

  drain(): void {
    this.state.draining = true;
    this.#closeIfDone();
  }

  abort(): void {
    for (const session of [...this.#sessions.values()]) session.end('shutdown');
  }

  send(datagram: Buffer, { address, port }: ClientAddress): boolean {
    // RFC 768: "Source Port is an optional field"; where it is zero there is nobody to answer, and Node throws.
    if (port === 0 || this.#socket.getSendQueueSize() > MAX_WAITING_BYTES) return false;
    this.#socket.send(datagram, port, address, this.#sent);
    return true;
  }

  reserve(bytes: number): boolean {
    if (this.#keptBytes + bytes > MAX_KEPT_BYTES) return false;
    this.#keptBytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#keptBytes -= bytes;
  }

  proved(session: UdpSession): void {
    this.#unproved.delete(session);
  }

  ended(session: UdpSession): void {
    this.#sessions.delete(sessionKey(session.client));
    this.#unproved.delete(session);
    this.#admission.release(session);
    this.#closeIfDone();
  }

  readonly #sent = (error: Error | null): void => {
    if (error) countDroppedDatagram(this.state.series);
  };

  #receive(datagram: Buffer, from: dgram.RemoteInfo): void {
    if (!this.#isServing) {
      countDroppedDatagram(this.state.series);
      return;
    }
    const known = this.#sessions.get(sessionKey(from));
    if (known) known.receive(datagram);
    else this.#begin(datagram, from);
  }

  #begin(datagram: Buffer, from: dgram.RemoteInfo): void {
    const { state } = this;
    const client = { address: from.address, port: from.port, clientAddress: withoutMapping(from.address) };
    const refusal = state.draining ? 'draining' : this.#refusal(client.clientAddress);
    if (refusal) {
      countRefusedConnection(state.series, refusal);
      return;
    }
    const session = new UdpSession(client, this);
    this.#sessions.set(sessionKey(client), session);
    this.#unproved.add(session);
    if (state.settings.admission) this.#admission.keep(session, client.clientAddress);
    session.start(datagram);
  }

  /** Why no session begins; `undefined` when there may be one more. */
  #refusal(clientAddress: string): Refusal | undefined {
    const { admission } = this.state.settings;
    const refusal = admission && this.#admission.refusal(admission, clientAddress);
    return refusal ?? (this.#hasRoom() ? undefined : 'connections');
  }

  /**
   * At the bound, the oldest session goes whose client has not sent again after an answer: a flood under invented addresses then
   * displaces itself, and not those who talk.
   */
  #hasRoom(): boolean {
    if (this.#sessions.size < this.state.settings.udp.maxSessions) return true;
    const [oldest] = this.#unproved;
    oldest?.end('evicted');
    return oldest !== undefined;
  }

  #closeIfDone(): void {
    if (!this.state.draining || this.#sessions.size > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

function sessionKey({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address} ${port}`;
}
