// Opens connections to one endpoint, plain or with TLS as the newest settings say. Not for what is sent on them.
import type { ByteStream, StreamReceiver } from '#model/byte-stream.ts';
import type { UpstreamTls } from '#model/upstream.ts';
import { type ConnectTarget, TcpStream } from '#net/tcp-stream.ts';
import { TlsStream } from '#net/tls-stream.ts';
import { TlsSessions } from './tls-sessions.ts';

/** What one connection is opened for. */
export interface ConnectPurpose {
  readonly receiver: StreamReceiver;
  /** Called when the connection stands, with TLS when the handshake is over; `receiver.closed` is called when it fails. */
  readonly connected: () => void;
  /** Protocols offered by ALPN where there is TLS; none when it is empty. */
  readonly alpn: readonly string[];
  /** What is sent ahead of everything else, a handshake included. */
  readonly preface?: Uint8Array | undefined;
}

export class EndpointConnector {
  readonly target: ConnectTarget;
  #tls: UpstreamTls | undefined = undefined;
  #sessions = new TlsSessions();
  #generation = 0;

  constructor(target: ConnectTarget) {
    this.target = target;
  }

  /** Changes when connections opened before are not what is wanted now. */
  get generation(): number {
    return this.#generation;
  }

  /** Opens connections by these settings from now on. */
  configure(tls: UpstreamTls | undefined): void {
    const before = this.#tls;
    const isAsBefore = tls && before ? tls.endpoint.isLike(before.endpoint) : tls === before;
    // The endpoint of before has its keys and authorities ready.
    this.#tls = isAsBefore && tls && before ? { ...tls, endpoint: before.endpoint } : tls;
    if (isAsBefore) return;
    this.#generation++;
    // The certificate is not looked at again where a session is continued: it is only as good as the settings it began by.
    this.#sessions = new TlsSessions();
  }

  /** Starts to connect. */
  connect(purpose: ConnectPurpose): ByteStream {
    return this.#tls ? this.#secure(this.#tls, purpose) : this.#plain(purpose);
  }

  #plain({ receiver, connected, preface }: ConnectPurpose): ByteStream {
    if (!preface) return TcpStream.connect(this.target, receiver, connected);
    const stream = TcpStream.connect(this.target, receiver, () => {
      stream.write(preface);
      connected();
    });
    return stream;
  }

  #secure(
    { endpoint, reusesSessions }: UpstreamTls,
    { receiver, connected, alpn, preface }: ConnectPurpose,
  ): ByteStream {
    const sessions = this.#sessions;
    const options = {
      ...endpoint.optionsFor(this.target.host, alpn),
      preface,
      session: reusesSessions ? sessions.take() : undefined,
      onSession: reusesSessions ? (session: Buffer) => sessions.keep(session) : undefined,
    };
    return TlsStream.connect(this.target, options, receiver, connected);
  }
}
