// TLS handshakes one after the other on many connections at once, without a request: full ones, or such as take up a session again.
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Load } from './load.ts';
import { TLS_CIPHER, TLS_GROUP } from './protocol.ts';

/** Connections that are being opened at any time. */
const PARALLEL = 32;

export interface HandshakeOptions {
  readonly port: number;
  readonly resumed: boolean;
}

/** A load of handshakes. It rejects when a session is not taken up again that should be, or is that should not. */
export function handshakeLoad({ port, resumed }: HandshakeOptions): Load {
  const options: ConnectionOptions = {
    port,
    host: '127.0.0.1',
    servername: 'h0.example.com',
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ciphers: TLS_CIPHER,
    ecdhCurve: TLS_GROUP,
    ALPNProtocols: ['http/1.1'],
  };
  return async (seconds) => {
    const session = resumed ? await takeSession(options) : undefined;
    const began = performance.now();
    const end = began + seconds * 1000;
    let requests = 0;
    let failed = 0;
    const turn = async (): Promise<void> => {
      while (performance.now() < end) {
        const socket = connect({ ...options, ...(session && { session }) });
        const closed = once(socket, 'close');
        socket.resume();
        const stands = await once(socket, 'secureConnect').then(
          () => socket.isSessionReused() === resumed,
          () => false,
        );
        requests++;
        if (!stands) failed++;
        socket.end();
        await closed.catch(() => {});
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, turn));
    return { requests, durationUs: (performance.now() - began) * 1000, failed };
  };
}

async function takeSession(options: ConnectionOptions): Promise<Buffer> {
  const socket: TLSSocket = connect(options);
  const [session] = (await once(socket.resume(), 'session')) as [Buffer];
  socket.destroy();
  return session;
}
