// A client connection that a limit of its listener refuses: is reset, with a record.
import type { StreamReceiver } from '#model/byte-stream.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { TcpStream } from '#net/tcp-stream.ts';
import type { Refusal } from '#telemetry/series.ts';
import { countRefusedConnection } from '#telemetry/series.ts';
import { ClientStream } from './client-stream.ts';
import type { AcceptedConnection, ListenerHost, ListenerState } from './listener-host.ts';

const REASONS: Readonly<Partial<Record<Refusal, string>>> = {
  rate: 'limits.rate of the listener is reached',
  'client-rate': 'limits.client-rate of the listener is reached',
  'client-connections': 'limits.client-connections of the listener is reached',
};

export class RefusedConnection extends ClientStream implements StreamReceiver, AcceptedConnection {
  readonly stream: TcpStream;
  readonly #onClosed: (connection: AcceptedConnection) => void;

  constructor(
    open: (receiver: StreamReceiver) => TcpStream,
    listener: ListenerState,
    host: ListenerHost,
    end: { readonly refusal: Refusal; readonly onClosed: (connection: AcceptedConnection) => void },
  ) {
    super(listener, host);
    this.#onClosed = end.onClosed;
    this.stream = open(this);
    countRefusedConnection(listener.series, end.refusal);
    this.recordEnd(new ProxyError('too-many-connections', REASONS[end.refusal]), host.clock.now());
    this.stream.reset();
  }

  drain(): void {}

  abort(): void {}

  bytes(): boolean {
    return false;
  }

  drained(): void {}

  ended(): void {}

  closed(): void {
    this.#onClosed(this);
  }
}
