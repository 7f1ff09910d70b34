// Calls of a real client to a real server of gRPC through the gateway: the four kinds, metadata, statuses, deadlines, cancellation.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { connectGrpc, type EchoHandlers, grpcTo, startGrpcServer } from '../support/grpc-peers.ts';

/** A client, the gateway, and a server with these handlers. */
async function start(t: TestContext, handlers: EchoHandlers, options = '') {
  const server = await startGrpcServer(t, handlers);
  const gateway = await startTidegate(t, grpcTo([server], options));
  return { server, gateway, client: connectGrpc(t, gateway.port()) };
}

/** A promise with its resolve. */
function later<Value>() {
  return Promise.withResolvers<Value>();
}

test('a unary call has its message, and metadata of both sides, binary included, in heads and trailers', async (t) => {
  const { client, gateway } = await start(t, {
    unary(call, reply) {
      const head = new Metadata();
      for (const value of call.metadata.get('x-asked')) head.add('x-head', value);
      call.sendMetadata(head);
      const end = new Metadata();
      for (const value of call.metadata.get('x-blob-bin')) end.add('x-blob-bin', value);
      end.set('x_end', 'with an underscore');
      reply(null, `${call.request}!`, end);
    },
  });
  const metadata = new Metadata();
  metadata.add('x-asked', 'one');
  metadata.add('x-asked', 'two');
  metadata.add('x-blob-bin', Buffer.from([0, 1, 254, 255]));
  metadata.add('x-blob-bin', Buffer.alloc(0));
  const result = await client.unary('hello', metadata);
  assert.equal(result.message, 'hello!');
  assert.equal(result.status.code, status.OK);
  assert.equal(result.metadata?.get('x-head').join(', '), 'one, two');
  assert.deepEqual(result.status.metadata.get('x_end'), ['with an underscore']);
  assert.deepEqual(result.status.metadata.get('x-blob-bin'), [Buffer.from([0, 1, 254, 255]), Buffer.alloc(0)]);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.grpc_status, record?.version, record?.status], ['OK', '2', 200]);
});

test('messages of a client that streams arrive while it streams', async (t) => {
  const arrived: ((message: string) => void)[] = [];
  const { client } = await start(t, {
    collect(call, reply) {
      const messages: string[] = [];
      call.on('data', (message: string) => {
        messages.push(message);
        arrived.shift()?.(message);
      });
      call.on('end', () => reply(null, messages.join(' ')));
    },
  });
  const { call, result } = client.collect();
  for (const message of ['one', 'two', 'three']) {
    const { promise, resolve } = later<string>();
    arrived.push(resolve);
    call.write(message);
    assert.equal(await promise, message);
  }
  call.end();
  assert.equal((await result).message, 'one two three');
});

test('messages of a server that streams arrive while it streams', async (t) => {
  const served = later<(message: string) => void>();
  const { client } = await start(t, {
    spread(call) {
      call.write(call.request);
      served.resolve((message) => (message === '' ? call.end() : call.write(message)));
    },
  });
  const { next, end } = client.spread('one');
  assert.equal(await next(), 'one');
  const send = await served.promise;
  for (const message of ['two', 'three']) {
    send(message);
    assert.equal(await next(), message);
  }
  send('');
  assert.equal(await next(), undefined);
  assert.equal((await end).status.code, status.OK);
});

/** Answers each message at once. */
function chat(call: ServerDuplexStream<string, string>): void {
  call.on('data', (message: string) => call.write(`${message}!`));
  call.on('end', () => call.end());
}

test('both sides stream at once, and either may end first', async (t) => {
  const { client } = await start(t, { chat });
  const { call, next, end } = client.chat();
  for (const message of ['one', 'two', 'three']) {
    call.write(message);
    assert.equal(await next(), `${message}!`);
  }
  call.end();
  assert.equal(await next(), undefined);
  assert.equal((await end).status.code, status.OK);
  const early = await start(t, {
    chat: (served) => {
      served.write('bye');
      served.end();
    },
  });
  const cut = early.client.chat();
  cut.call.write('one');
  assert.equal(await cut.next(), 'bye');
  assert.equal((await cut.end).status.code, status.OK);
});

for (const isLate of [false, true]) {
  test(`an error ${isLate ? 'behind messages' : 'ahead of any message'} arrives with its text and details`, async (t) => {
    const { client, gateway } = await start(t, {
      spread(call) {
        const metadata = new Metadata();
        metadata.set('grpc-status-details-bin', Buffer.from([8, 5, 18, 3, 1, 2, 255]));
        if (isLate) call.write('one');
        call.emit('error', { code: status.NOT_FOUND, details: 'nichts gefunden: 100 % ☃', metadata });
      },
    });
    const { next, end } = client.spread('x');
    assert.equal(await next(), isLate ? 'one' : undefined);
    const told = (await end).status;
    assert.equal(told.code, status.NOT_FOUND);
    assert.equal(told.details, 'nichts gefunden: 100 % ☃');
    assert.deepEqual(told.metadata.get('grpc-status-details-bin'), [Buffer.from([8, 5, 18, 3, 1, 2, 255])]);
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.grpc_status, record?.error], ['NOT_FOUND', undefined]);
  });
}

test('a deadline reaches the server, which sees the call cancelled when it passes', async (t) => {
  const deadline = later<number>();
  const cancelled = later<void>();
  const { client } = await start(t, {
    unary(call) {
      deadline.resolve((call.getDeadline() as Date).valueOf());
      call.on('cancelled', () => cancelled.resolve());
    },
  });
  const asked = Date.now() + 500;
  const { status: told } = await client.unary('x', undefined, { deadline: asked });
  assert.equal(told.code, status.DEADLINE_EXCEEDED);
  assert.ok((await deadline.promise) < asked + 1000);
  await cancelled.promise;
});

test('a client that cancels is seen by the server, and recorded', async (t) => {
  const cancelled = later<void>();
  const { client, gateway } = await start(t, {
    chat(call) {
      chat(call);
      call.on('cancelled', () => cancelled.resolve());
    },
  });
  const { call, next, end } = client.chat();
  call.write('one');
  assert.equal(await next(), 'one!');
  call.cancel();
  assert.equal((await end).status.code, status.CANCELLED);
  await cancelled.promise;
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.grpc_status, record?.error], ['CANCELLED', 'client-closed']);
});

test('a method that the server does not have is UNIMPLEMENTED by its word', async (t) => {
  const { client, gateway } = await start(t, { unary: (_, reply) => reply(null, 'x') });
  const { end } = client.spread('x');
  assert.equal((await end).status.code, status.UNIMPLEMENTED);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, undefined);
});

test('a call of many messages in a hundred streams at a time keeps each stream to itself', async (t) => {
  const { client } = await start(t, { chat });
  const streams = Array.from({ length: 100 }, (_, i) => ({ ...client.chat(), name: `stream ${i}` }));
  for (let turn = 0; turn < 5; turn++) {
    for (const { call, name } of streams) call.write(`${name} ${turn}`);
    for (const { next, name } of streams) assert.equal(await next(), `${name} ${turn}!`);
  }
  for (const { call } of streams) call.end();
  for (const { end } of streams) assert.equal((await end).status.code, status.OK);
});

const MIB = 1024 * 1024;
const BLOCK = 'x'.repeat(MIB);
const BLOCKS = 160;
/** What has passed leaves some behind until it is collected; a gateway that gathers would hold nearly all. */
const MOST_IN_BETWEEN = 80 * MIB;

function residentBytes({ pid }: TestGateway): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Waits until a figure stands still, give or take some. */
async function settled(figure: () => number): Promise<number> {
  for (let last = -1; ; last = figure()) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (Math.abs(figure() - last) < MIB) return figure();
  }
}

test('a client that does not read costs the gateway no memory, and later gets every message', async (t) => {
  const sent = later<void>();
  const { client, gateway } = await start(t, {
    spread(call) {
      for (let block = 0; block < BLOCKS; block++) call.write(BLOCK);
      call.end();
      sent.resolve();
    },
  });
  const before = residentBytes(gateway);
  const { next, end } = client.spread('x');
  await sent.promise;
  const grown = (await settled(() => residentBytes(gateway))) - before;
  assert.ok(grown < MOST_IN_BETWEEN, `${grown}`);
  for (let block = 0; block < BLOCKS; block++) assert.equal((await next())?.length, MIB, `block ${block}`);
  assert.equal((await end).status.code, status.OK);
});

test('a server that does not read costs the gateway no memory, and later gets every message', async (t) => {
  const go = later<void>();
  const { client, gateway } = await start(t, {
    async collect(call, reply) {
      await go.promise;
      let received = 0;
      for await (const message of call) received += (message as string).length;
      reply(null, String(received));
    },
  });
  const before = residentBytes(gateway);
  const { call, result } = client.collect();
  for (let block = 0; block < BLOCKS; block++) call.write(BLOCK);
  call.end();
  const grown = (await settled(() => residentBytes(gateway))) - before;
  assert.ok(grown < MOST_IN_BETWEEN, `${grown}`);
  go.resolve();
  assert.equal((await result).message, String(MIB * BLOCKS));
});
