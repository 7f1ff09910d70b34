// What all client connections tell of themselves, whatever their protocol: the listener they came on, and both addresses.
import type { Clock } from '#lib/clock.ts';
import type { ByteStream } from '#model/byte-stream.ts';
import type { ClientConnection } from '#model/exchange.ts';
import type { ListenerHost, ListenerState } from './listener-host.ts';

export abstract class ClientStream implements ClientConnection {
  readonly secure = false;
  readonly listenerState: ListenerState;
  readonly host: ListenerHost;
  abstract readonly stream: ByteStream;

  constructor(listener: ListenerState, host: ListenerHost) {
    this.listenerState = listener;
    this.host = host;
  }

  get clock(): Clock {
    return this.host.clock;
  }

  get listener(): string {
    return this.listenerState.name;
  }

  get remoteAddress(): string {
    return this.stream.remoteAddress;
  }

  get remotePort(): number {
    return this.stream.remotePort;
  }

  get localAddress(): string {
    return this.stream.localAddress;
  }

  get localPort(): number {
    return this.stream.localPort;
  }
}
