// Byte streams over TCP: whatever is written in whatever way arrives whole and in order, also when the peer is slow.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { seededRandom } from '#lib/random.ts';
import { StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { TcpStream } from './tcp-stream.ts';

/** A receiver that keeps what it gets. */
class Recorder implements StreamReceiver {
  readonly received: Buffer[] = [];
  readonly closing = Promise.withResolvers<NodeJS.ErrnoException | undefined>();
  #drained = Promise.withResolvers<void>();

  /** Resolves at the next call of `drained`. */
  get drain(): Promise<void> {
    this.#drained = Promise.withResolvers();
    return this.#drained.promise;
  }

  bytes(buffer: Buffer, length: number): boolean {
    this.received.push(Buffer.from(buffer.subarray(0, length)));
    return true;
  }
  drained(): void {
    this.#drained.resolve();
  }
  ended(): void {}
  closed(error: NodeJS.ErrnoException | undefined): void {
    this.closing.resolve(error);
  }
}

/** A pair of an ordinary socket and the stream that accepted it. */
async function connectedPair(t: { after(fn: () => void): void }) {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  const [socket] = await accepted;
  const recorder = new Recorder();
  const stream = TcpStream.accept(socket, recorder);
  t.after(() => {
    client.destroy();
    stream.abort();
    server.close();
  });
  return { client, stream, recorder };
}

/** Reads `length` bytes. */
async function readBytes(socket: net.Socket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of socket as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size >= length) break;
  }
  return Buffer.concat(parts);
}

const SIZES = [0, 1, 100, 1024, 1025, 10_240, 16_000, 16_001, 32_768, 40_000, 200_000];

/** Writes in all ways and sizes; returns all that was written. `turn` is called between the writes. */
async function writeMuch(stream: TcpStream, turn: () => Promise<void> | void): Promise<Buffer> {
  const random = seededRandom(7);
  const written: Buffer[] = [];
  for (let i = 0; i < 200; i++) {
    const size = SIZES[Math.floor(random() * SIZES.length)] as number;
    const text = String.fromCharCode(0xa0 + (i % 90)).repeat(size);
    const bytes = Buffer.from(text, 'latin1');
    if (i % 4 === 0) stream.write(text);
    else if (i % 4 === 1) stream.write(bytes);
    else stream.writeParts('head', i % 4 === 2 ? text : bytes, 'tail');
    written.push(i % 4 < 2 ? bytes : Buffer.concat([Buffer.from('head'), bytes, Buffer.from('tail')]));
    await turn();
  }
  return Buffer.concat(written);
}

test('text, bytes and parts of all sizes arrive in the order written, though the peer reads nothing until then', async (t) => {
  const { client, stream } = await connectedPair(t);
  const written = await writeMuch(stream, () => {});
  assert.equal(stream.write('x'), false, 'a peer that does not read has taken everything');
  const read = await readBytes(client, written.length + 1);
  assert.ok(read.equals(Buffer.concat([written, Buffer.from('x')])));
});

test('the same while the peer reads', async (t) => {
  const { client, stream } = await connectedPair(t);
  const parts: Buffer[] = [];
  client.on('data', (part: Buffer) => parts.push(part));
  const written = await writeMuch(stream, () => new Promise((resolve) => setImmediate(resolve)));
  stream.closeWhenSent();
  await once(client, 'end');
  assert.ok(Buffer.concat(parts).equals(written));
});

test('after a write that had to wait, the receiver is told when all is with the kernel', async (t) => {
  const { client, stream, recorder } = await connectedPair(t);
  let flowing = true;
  let size = 0;
  for (; flowing; size += 16_004) flowing = stream.writeParts('head', 'x'.repeat(16_000), '');
  const drained = recorder.drain;
  await readBytes(client, size);
  await drained;
});

test('what was written before the end of the stream arrives, though the peer was slow', async (t) => {
  const { client, stream } = await connectedPair(t);
  const written = await writeMuch(stream, () => {});
  stream.closeWhenSent();
  const parts: Buffer[] = [];
  for await (const part of client as AsyncIterable<Buffer>) parts.push(part);
  assert.ok(Buffer.concat(parts).equals(written));
});

test('a peer that resets ends the stream with an error, and later writes do nothing', async (t) => {
  const { client, stream, recorder } = await connectedPair(t);
  client.resetAndDestroy();
  const error = await recorder.closing.promise;
  assert.equal(error?.code, 'ECONNRESET');
  assert.equal(stream.write('late'), true);
  assert.equal(stream.writeParts('late', Buffer.alloc(10), ''), true);
});

test('writing to a peer that is gone ends the stream', async (t) => {
  const { client, stream, recorder } = await connectedPair(t);
  client.resetAndDestroy();
  await once(client, 'close');
  const writing = setInterval(() => stream.writeParts('head', 'x'.repeat(2000), ''), 1);
  t.after(() => clearInterval(writing));
  assert.ok(await recorder.closing.promise);
});

test('a receiver that throws ends its stream and is told why', async (t) => {
  const { client, stream, recorder } = await connectedPair(t);
  recorder.bytes = () => {
    throw new RangeError('a fault');
  };
  client.write('hello');
  const error = await recorder.closing.promise;
  assert.ok(error instanceof StreamFault);
  assert.ok(error.cause instanceof RangeError);
  assert.equal(stream.closed, true);
});

test('half of a connection may end while the other goes on', async (t) => {
  const { client, stream, recorder } = await connectedPair(t);
  stream.end();
  client.resume();
  await once(client, 'end');
  client.end('still here');
  await recorder.closing.promise;
  assert.equal(Buffer.concat(recorder.received).toString(), 'still here');
});

test('bytes that the receiver keeps stay as they were, and what comes behind them lands elsewhere', async (t) => {
  const { client, stream } = await connectedPair(t);
  const sent = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
  const pieces: Buffer[] = [];
  let kept = 0;
  const whole = Promise.withResolvers<void>();
  stream.receiver = {
    bytes(buffer, length, mayKeep) {
      const piece = buffer.subarray(0, length);
      pieces.push(mayKeep ? piece : Buffer.from(piece));
      if (mayKeep) {
        stream.keep();
        kept++;
      }
      if (pieces.reduce((sum, { length: bytes }) => sum + bytes, 0) === sent.length) whole.resolve();
      // Now and then nothing is wanted any more that is worth a buffer of its own.
      stream.relaying = pieces.length % 5 !== 0;
      return true;
    },
    drained() {},
    ended() {},
    closed() {},
  };
  stream.relaying = true;
  client.write(sent);
  await whole.promise;
  assert.ok(kept > 0);
  assert.ok(Buffer.concat(pieces).equals(sent));
});
