// Ports for tests that must name one before anything listens on it, or on which nothing ever shall.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems hand out by themselves, so that no other test can be given one of them meanwhile. */
const FIRST = 10_000;
const COUNT = 20_000;

/** A port of this machine on which nobody listens, and nobody will who does not ask for it by number. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    // Rejects with the error when the port is taken.
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
