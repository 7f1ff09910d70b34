// Node's own HTTP/1.1 parser as the second opinion: how it frames bytes, or that it refuses them.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';

export interface FramedRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** The whole requests that Node's server finds in `bytes`, up to the first it refuses or that is incomplete. */
export async function framedByNode(bytes: string): Promise<readonly FramedRequest[]> {
  const requests: FramedRequest[] = [];
  const take = (request: IncomingMessage) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        target: request.url ?? '',
        body: Buffer.concat(chunks).toString('latin1'),
      });
    });
  };
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 65536 }, (request, response) => {
    take(request);
    request.on('end', () => response.end());
  });
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('upgrade', () => {});
  server.on('clientError', (_error, socket) => void socket.destroy());
  const [near, far] = duplexPair();
  near.on('error', () => {});
  far.on('error', () => {});
  server.emit('connection', far);
  near.resume();
  const closed = once(near, 'close').then(
    () => {},
    () => {},
  );
  near.end(bytes, 'latin1');
  await Promise.race([closed, idle(30 + bytes.length / 10)]);
  near.destroy();
  far.destroy();
  return requests;
}

/** Long enough for everything in memory to have been read. */
async function idle(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
