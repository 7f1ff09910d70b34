// A TLS server for tests whose connections can end without the alert close_notify, as those do that somebody cuts off.
import { once } from 'node:events';
import net from 'node:net';
import tls, { type SecureContextOptions, TLSSocket } from 'node:tls';
import type { CleansUp } from './gateway.ts';
import { authority } from './tls.ts';

export interface CuttableConnection {
  readonly secure: TLSSocket;
  /** Sends `last`, then FIN and nothing else. */
  cutOff(last: string): void;
}

/** Serves 127.0.0.1 with a certificate of `authority`; it is stopped after the test. */
export async function startCutter(
  t: CleansUp,
  options: SecureContextOptions,
  serve: (connection: CuttableConnection) => void,
): Promise<{ readonly port: number }> {
  const { cert, key } = authority.issue({ names: ['localhost', '127.0.0.1'] });
  const secureContext = tls.createSecureContext({ cert, key, ...options });
  const server = net.createServer({ noDelay: true }, (tcp) => {
    const secure = new TLSSocket(tcp, { isServer: true, secureContext });
    for (const socket of [tcp, secure]) socket.on('error', () => {});
    t.after(() => tcp.destroy());
    serve({ secure, cutOff: (last) => void secure.write(last, 'latin1', () => tcp.destroySoon()) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as net.AddressInfo).port };
}
