// When a connection of a test stands.
import { once } from 'node:events';
import type { Socket } from 'node:net';

/**
 * Resolves when the connection stands, or has stood. One that the gateway refuses ends with a reset right behind the handshake; and if that
 * is here before this process has looked, the kernel tells of nothing else.
 */
export async function connected(socket: Socket): Promise<void> {
  try {
    await once(socket, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
