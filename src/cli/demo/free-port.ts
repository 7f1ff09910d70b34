// Tells whether a port is free before the gateway takes it.
import { createServer } from 'node:net';
import { CommandError, EXIT } from '#cli/exit-codes.ts';

/**
 * Rejects with a `CommandError` when something listens on the port. The gateway could not tell: its listeners share their
 * port (SO_REUSEPORT), with a second gateway of the same user too.
 */
export async function requireFreePort(port: number, option: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(refusal(port, option, cause)));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

function refusal(port: number, option: string, cause: NodeJS.ErrnoException): CommandError {
  const reason = cause.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${cause.code})`;
  return new CommandError(EXIT.unavailable, `port ${port} ${reason}; choose another one with ${option} PORT`, {
    cause,
  });
}
