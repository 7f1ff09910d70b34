// Byte streams over TLS, of both roles: whatever is written in whatever way arrives whole and in order, also when the peer is slow.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { seededRandom } from '#lib/random.ts';
import { StreamFault, type StreamReceiver } from '#model/byte-stream.ts';
import { TcpStream } from '#net/tcp-stream.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import { TlsStream } from '#net/tls-stream.ts';
import { acceptedTransport } from '../support/accepted-transport.ts';
import { connected } from '../support/connected.ts';
import { authority, run } from '../support/tls.ts';
import { startCutter } from '../support/tls-cutter.ts';

const { cert, key } = authority.issue({ names: ['localhost', '127.0.0.1'] });
const acceptor = new TlsAcceptor({ options: { cert, key, ALPNProtocols: ['http/1.1'] } });

/** A receiver that keeps what it gets. */
class Recorder implements StreamReceiver {
  readonly received: Buffer[] = [];
  readonly closing = Promise.withResolvers<NodeJS.ErrnoException | undefined>();
  readonly ending = Promise.withResolvers<void>();
  #drained = Promise.withResolvers<void>();
  #arrived = Promise.withResolvers<void>();
  goOn = true;

  get drain(): Promise<void> {
    this.#drained = Promise.withResolvers();
    return this.#drained.promise;
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  /** Resolves when so many bytes are there. */
  async until(length: number): Promise<Buffer> {
    for (;;) {
      const all = Buffer.concat(this.received);
      if (all.length >= length) return all;
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }

  bytes(buffer: Buffer, length: number): boolean {
    this.received.push(Buffer.from(buffer.subarray(0, length)));
    this.#arrived.resolve();
    return this.goOn;
  }
  drained(): void {
    this.#drained.resolve();
  }
  ended(): void {
    this.ending.resolve();
  }
  closed(error: NodeJS.ErrnoException | undefined): void {
    this.closing.resolve(error);
  }
}

interface Cleanup {
  after(fn: () => void): void;
}

/** A server whose connections begin with `begin`. */
async function listen(t: Cleanup, begin: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, begin);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** A pair of an ordinary TLS socket, with the TCP socket beneath, and the stream that accepted it. */
async function acceptedPair(t: Cleanup, options: tls.ConnectionOptions = {}) {
  const recorder = new Recorder();
  const accepted = Promise.withResolvers<TlsStream>();
  const port = await listen(t, (socket) => {
    const stream: TlsStream = TlsStream.accept(acceptedTransport(socket), acceptor, recorder, () =>
      accepted.resolve(stream),
    );
    t.after(() => stream.abort());
  });
  const tcp = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const client = tls.connect({ socket: tcp, ca: authority.cert, ...options });
  client.allowHalfOpen = true;
  client.on('error', () => {});
  t.after(() => client.destroy());
  await once(client, 'secureConnect');
  return { client, tcp, stream: await accepted.promise, recorder };
}

/** A stream that has connected, with what it gets, and the one that has accepted it. */
async function streamPair(t: Cleanup) {
  const received = new Recorder();
  const accepted = Promise.withResolvers<TlsStream>();
  const port = await listen(t, (socket) => {
    const stream: TlsStream = TlsStream.accept(acceptedTransport(socket), acceptor, received, () =>
      accepted.resolve(stream),
    );
  });
  const answer = new Recorder();
  const secured = Promise.withResolvers<void>();
  const target = { host: '127.0.0.1', port, socketPath: '' };
  const options = { ca: authority.cert, servername: 'localhost', ALPNProtocols: ['http/1.1'] };
  const client = TlsStream.connect(target, options, answer, secured.resolve);
  t.after(() => client.abort());
  await secured.promise;
  return { client, answer, server: await accepted.promise, received };
}

/** Reads `length` bytes. */
async function readBytes(socket: tls.TLSSocket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of socket as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size >= length) break;
  }
  return Buffer.concat(parts);
}

const SIZES = [0, 1, 100, 1024, 1025, 10_240, 16_000, 16_384, 16_385, 32_768, 40_000, 200_000];

/** Writes in all ways and sizes; returns all that was written. `turn` is called between the writes. */
async function writeMuch(stream: TlsStream, turn: () => Promise<void> | void): Promise<Buffer> {
  const random = seededRandom(7);
  const written: Buffer[] = [];
  const scratch = Buffer.alloc(200_000);
  for (let i = 0; i < 200; i++) {
    const size = SIZES[Math.floor(random() * SIZES.length)] as number;
    const text = String.fromCharCode(0xa0 + (i % 90)).repeat(size);
    // All bytes are handed over in the same memory: a stream must not keep it.
    const bytes = scratch.subarray(0, scratch.write(text, 'latin1'));
    written.push(i % 4 < 2 ? Buffer.from(bytes) : Buffer.concat([Buffer.from('head'), bytes, Buffer.from('tail')]));
    if (i % 4 === 0) stream.write(text);
    else if (i % 4 === 1) stream.write(bytes);
    else stream.writeParts('head', i % 4 === 2 ? text : bytes, 'tail');
    await turn();
  }
  return Buffer.concat(written);
}

test('what is written in all ways and sizes arrives, though the peer reads nothing until then', async (t) => {
  const { client, stream } = await acceptedPair(t);
  const written = await writeMuch(stream, () => {});
  assert.equal(stream.write('x'), false, 'a peer that does not read has taken everything');
  const read = await readBytes(client, written.length + 1);
  assert.ok(read.equals(Buffer.concat([written, Buffer.from('x')])));
});

test('the same while the peer reads', async (t) => {
  const { client, stream } = await acceptedPair(t);
  const parts: Buffer[] = [];
  client.on('data', (part: Buffer) => parts.push(part));
  const written = await writeMuch(stream, () => new Promise((resolve) => setImmediate(resolve)));
  stream.closeWhenSent();
  await once(client, 'end');
  assert.ok(Buffer.concat(parts).equals(written));
});

test('after a write that had to wait, the receiver is told when all is with the kernel', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  let size = 0;
  for (let flowing = true; flowing; size += 16_004) flowing = stream.writeParts('head', 'x'.repeat(16_000), '');
  const drained = recorder.drain;
  await readBytes(client, size);
  await drained;
});

test('what was written before the end of the stream arrives, though the peer was slow', async (t) => {
  const { client, stream } = await acceptedPair(t);
  const written = await writeMuch(stream, () => {});
  stream.closeWhenSent();
  const parts: Buffer[] = [];
  for await (const part of client as AsyncIterable<Buffer>) parts.push(part);
  assert.ok(Buffer.concat(parts).equals(written));
});

test('a receiver that stops the reading gets nothing until it resumes, then everything', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  recorder.goOn = false;
  client.end(Buffer.alloc(300_000, 'x'));
  await recorder.until(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(recorder.received.length, 1);
  while (Buffer.concat(recorder.received).length < 300_000) {
    const before: number = recorder.received.length;
    stream.resume();
    await recorder.until(Buffer.concat(recorder.received).length + 1);
    assert.equal(recorder.received.length, before + 1);
  }
  stream.resume();
  await recorder.ending.promise;
});

test('the end of the peer is told behind what is held', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  recorder.goOn = false;
  let ended = false;
  void recorder.ending.promise.then(() => {
    ended = true;
  });
  client.write('a');
  client.end('b');
  await recorder.until(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false);
  recorder.goOn = true;
  stream.resume();
  await recorder.ending.promise;
  assert.equal(recorder.text, 'ab');
});

test('half of a connection may end while the other goes on', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  stream.end();
  client.resume();
  await once(client, 'end');
  client.end('still here');
  await recorder.closing.promise;
  assert.equal(recorder.text, 'still here');
});

test('RFC 8446 6.1: a stream that is aborted says that it closes; one that is reset does not', async (t) => {
  const sees = async (end: (stream: TlsStream) => void) => {
    const recorder = new Recorder();
    const port = await listen(t, (socket) => {
      const stream: TlsStream = TlsStream.accept(acceptedTransport(socket), acceptor, recorder, () => {});
      recorder.bytes = () => {
        setImmediate(end, stream);
        return true;
      };
    });
    return await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof'], 'hello');
  };
  assert.match(await sees((stream) => stream.abort()), /^closed$/m);
  assert.doesNotMatch(await sees((stream) => stream.reset()), /^closed$/m);
});

test('a reset reaches the peer as one, and ends the stream', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  client.removeAllListeners('error');
  client.resume();
  stream.write('half');
  stream.reset();
  assert.equal(stream.write('late'), true);
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  await recorder.closing.promise;
  assert.equal(stream.closed, true);
});

test('a peer that resets ends the stream with an error, and later writes do nothing', async (t) => {
  const { client, answer, server, received } = await streamPair(t);
  // The server's last words of the handshake are read by then.
  server.write('x');
  await answer.until(1);
  client.reset();
  const error = await received.closing.promise;
  assert.equal(error?.code, 'ECONNRESET');
  assert.equal(server.write('late'), true);
  assert.equal(server.writeParts('late', Buffer.alloc(10), ''), true);
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`RFC 8446 6.1, ${maxVersion}: the stream tells an end that was announced by close_notify from one that was not`, async (t) => {
    for (const isHeld of [false, true]) {
      for (const unannounced of [false, true]) {
        const { client, tcp, stream, recorder } = await acceptedPair(t, { maxVersion });
        recorder.goOn = !isHeld;
        client.write('a');
        if (unannounced) client.write('b', () => tcp.end());
        else client.end('b');
        await recorder.until(1);
        recorder.goOn = true;
        stream.resume();
        await recorder.ending.promise;
        assert.deepEqual([recorder.text, stream.endedUnannounced], ['ab', unannounced]);
      }
    }
  });
}

test('RFC 8446 6.1: a stream that has connected tells that too', async (t) => {
  for (const unannounced of [false, true]) {
    const recorder = new Recorder();
    const { port } = await startCutter(t, {}, ({ secure, cutOff }) => {
      secure.once('data', () => {
        if (unannounced) cutOff('bye');
        else secure.end('bye');
      });
    });
    const options = { ca: authority.cert, servername: 'localhost' };
    const target = { host: '127.0.0.1', port, socketPath: '' };
    const stream: TlsStream = TlsStream.connect(target, options, recorder, () => stream.write('hello'));
    t.after(() => stream.abort());
    await recorder.ending.promise;
    assert.deepEqual([recorder.text, stream.endedUnannounced], ['bye', unannounced]);
  }
});

test('a record that was tampered with ends the stream with an error', async (t) => {
  const recorder = new Recorder();
  const port = await listen(t, (socket) => {
    TlsStream.accept(acceptedTransport(socket), acceptor, recorder, () => {});
  });
  const plain = net.connect(port, '127.0.0.1');
  plain.on('error', () => {});
  await connected(plain);
  const client = tls.connect({ socket: plain, servername: 'localhost', ca: authority.cert });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  client.write('x');
  await recorder.until(1);
  plain.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 32]), Buffer.alloc(32)]));
  const error = await recorder.closing.promise;
  assert.match(error?.code ?? '', /^ERR_SSL_/);
});

test('a receiver that throws ends its stream and is told why', async (t) => {
  const { client, stream, recorder } = await acceptedPair(t);
  recorder.bytes = () => {
    throw new RangeError('a fault');
  };
  client.write('hello');
  const error = await recorder.closing.promise;
  assert.ok(error instanceof StreamFault);
  assert.ok(error.cause instanceof RangeError);
  assert.equal(stream.closed, true);
});

test('the stream tells what the handshake has agreed on', async (t) => {
  const { stream } = await acceptedPair(t, { servername: 'LOCALHOST', ALPNProtocols: ['x', 'http/1.1'] });
  const { version, cipher, alpn, serverName, resumed, client } = stream.tls ?? {};
  assert.deepEqual(
    [version, alpn, serverName, resumed, client],
    ['TLSv1.3', 'http/1.1', 'localhost', false, undefined],
  );
  assert.match(cipher ?? '', /^TLS_/);
});

test('what is no TLS ends the stream with an error before it was secured', async (t) => {
  const recorder = new Recorder();
  const port = await listen(t, (socket) => {
    TlsStream.accept(acceptedTransport(socket), acceptor, recorder, () => assert.fail('it is not secure'));
  });
  const client = net.connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\n\r\n');
  const error = await recorder.closing.promise;
  assert.match(error?.code ?? '', /^ERR_SSL_/);
});

test('a client that leaves during the handshake ends the stream', async (t) => {
  const recorder = new Recorder();
  const port = await listen(t, (socket) => {
    TlsStream.accept(acceptedTransport(socket), acceptor, recorder, () => assert.fail('it is not secure'));
  });
  net.connect(port, '127.0.0.1').end();
  await recorder.closing.promise;
});

test('a TCP stream that has read some bytes becomes a TLS stream that reads them first', async (t) => {
  const recorder = new Recorder();
  const accepted = Promise.withResolvers<TlsStream>();
  const port = await listen(t, (socket) => {
    let count = 0;
    const first = new Recorder();
    const tcp = TcpStream.accept(socket, first);
    first.bytes = (buffer, length) => {
      // The header of a record comes in two reads or in one with all the rest.
      first.received.push(Buffer.from(buffer.subarray(0, length)));
      if (count++ > 0) return false;
      const stream: TlsStream = TlsStream.accept(tcp.release(Buffer.concat(first.received)), acceptor, recorder, () =>
        accepted.resolve(stream),
      );
      return true;
    };
  });
  const client = tls.connect({ port, host: '127.0.0.1', ca: authority.cert });
  t.after(() => client.destroy());
  client.write('hello');
  const stream = await accepted.promise;
  assert.equal(stream.remotePort, client.localPort);
  assert.equal((await recorder.until(5)).toString(), 'hello');
  stream.write('welcome');
  assert.equal((await readBytes(client, 7)).toString(), 'welcome');
});

test('a client stream speaks with a server stream', async (t) => {
  const { client, answer, server, received } = await streamPair(t);
  const written = await writeMuch(client, () => new Promise((resolve) => setImmediate(resolve)));
  assert.ok((await received.until(written.length)).equals(written));
  server.write('done');
  server.closeWhenSent();
  await answer.until(4);
  assert.equal(answer.text, 'done');
  assert.equal(client.tls?.alpn, 'http/1.1');
  assert.equal(server.tls?.serverName, 'localhost');
});

test('a client stream whose server nobody vouches for fails', async (t) => {
  const port = await listen(t, (socket) => {
    TlsStream.accept(acceptedTransport(socket), acceptor, new Recorder(), () => {});
  });
  const recorder = new Recorder();
  TlsStream.connect({ host: '127.0.0.1', port, socketPath: '' }, { servername: 'localhost' }, recorder, () =>
    assert.fail('it is not secure'),
  );
  const error = await recorder.closing.promise;
  assert.match(error?.code ?? '', /SELF_SIGNED|UNABLE_TO/);
});

test('a client stream that nobody accepts fails with the error of the system', async (t) => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  const recorder = new Recorder();
  const stream = TlsStream.connect({ host: '127.0.0.1', port, socketPath: '' }, {}, recorder, () => {});
  t.after(() => stream.abort());
  assert.equal((await recorder.closing.promise)?.code, 'ECONNREFUSED');
});
