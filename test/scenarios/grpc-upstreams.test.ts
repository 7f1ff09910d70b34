// What an upstream of gRPC servers is to the calls of one client: balanced call by call, repeated where they may be, and told plainly when it fails.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { startTidegate } from '../support/gateway.ts';
import { connectGrpc, type EchoHandlers, grpcTo, startGrpcServer } from '../support/grpc-peers.ts';
import { closedPort } from '../support/ports.ts';

/** A gateway before a server for each of `handlers`, and one connection to it. */
async function start(t: TestContext, handlers: readonly EchoHandlers[], options = '') {
  const servers = await Promise.all(handlers.map((one) => startGrpcServer(t, one)));
  const gateway = await startTidegate(t, grpcTo(servers, options));
  return { servers, gateway, client: connectGrpc(t, gateway.port()) };
}

/** Answers with its name. */
function named(name: string): EchoHandlers {
  return { unary: (_, reply) => reply(null, name) };
}

const unavailable: handleUnaryCall<string, string> = (_, reply) => reply({ code: status.UNAVAILABLE });

test('calls on one connection are balanced one by one', async (t) => {
  const { client, gateway } = await start(t, ['a', 'b', 'c'].map(named), ', balancer: round-robin');
  const got: string[] = [];
  for (let call = 0; call < 30; call++) got.push((await client.unary('x')).message ?? '');
  for (const name of ['a', 'b', 'c']) assert.equal(got.filter((one) => one === name).length, 10, name);
  assert.equal(await gateway.metric('tidegate_listener_connections_total{listener="web"}'), 1);
});

test('calls at the same time share a connection to their endpoint', async (t) => {
  const waiting: (() => void)[] = [];
  const { client, gateway, servers } = await start(t, [
    {
      unary: (_, reply) => {
        waiting.push(() => reply(null, 'x'));
        if (waiting.length === 20) for (const answer of waiting) answer();
      },
    },
  ]);
  const results = await Promise.all(Array.from({ length: 20 }, () => client.unary('x')));
  assert.ok(results.every(({ message }) => message === 'x'));
  const labels = `upstream="app",endpoint="${servers[0]?.address}"`;
  assert.equal(await gateway.metric(`tidegate_endpoint_connections_total{${labels}}`), 1);
});

test('UNAVAILABLE of one server is repeated at another where that is named', async (t) => {
  const seen: (string | undefined)[] = [];
  const well = (call: ServerUnaryCall<string, string>, reply: Parameters<handleUnaryCall<string, string>>[1]) => {
    seen.push(call.metadata.get('grpc-previous-rpc-attempts')[0]?.toString());
    reply(null, `${call.request}!`);
  };
  const options = ', balancer: first-fit, eject: { after: 0 }, retry: { on: [grpc-unavailable] }';
  const { client, gateway } = await start(t, [{ unary: unavailable }, { unary: well }], options);
  for (let call = 0; call < 5; call++) assert.equal((await client.unary('hello')).message, 'hello!');
  assert.deepEqual(seen, ['1', '1', '1', '1', '1']);
  const records = await gateway.untilRecords(5);
  assert.ok(records.every(({ attempts, grpc_status }) => attempts === 2 && grpc_status === 'OK'));
});

test('UNAVAILABLE that no other server makes good is the client’s to see, with all that came with it', async (t) => {
  const metadata = new Metadata();
  metadata.set('x-why', 'maintenance');
  const fail: handleUnaryCall<string, string> = (_, reply) =>
    reply({ code: status.UNAVAILABLE, details: 'later', metadata });
  const options = ', retry: { on: [grpc-unavailable] }, eject: { after: 0 }';
  const { client } = await start(t, [{ unary: fail }, { unary: fail }], options);
  const { status: told } = await client.unary('x');
  assert.deepEqual(
    [told.code, told.details, told.metadata.get('x-why')],
    [status.UNAVAILABLE, 'later', ['maintenance']],
  );
});

test('a server that dies within a stream is UNAVAILABLE, and the next call goes to another', async (t) => {
  const spread: EchoHandlers['spread'] = (call) => void call.write('one');
  const { client, gateway, servers } = await start(t, [{ spread }, { spread }], ', balancer: first-fit');
  const { next, end } = client.spread('x');
  assert.equal(await next(), 'one');
  servers[0]?.kill();
  const { code, details } = (await end).status;
  assert.equal(code, status.UNAVAILABLE);
  assert.match(details, /^The origin /);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual(
    [record?.grpc_status, record?.ended_by, record?.endpoint],
    ['UNAVAILABLE', 'origin', servers[0]?.address],
  );
  const again = client.spread('x');
  assert.equal(await again.next(), 'one');
  again.call.cancel();
});

test('a server that shuts down in order costs no call', async (t) => {
  const servers = await Promise.all(['a', 'b'].map((name) => startGrpcServer(t, named(name))));
  const gateway = await startTidegate(t, grpcTo(servers));
  const client = connectGrpc(t, gateway.port());
  let isDown = false;
  const calls = (async () => {
    const codes = new Set<number>();
    for (let turn = 0; turn < 20 || !isDown; turn++) {
      const results = await Promise.all(Array.from({ length: 10 }, () => client.unary('x')));
      for (const { status: told } of results) codes.add(told.code);
    }
    return [...codes];
  })();
  await client.unary('x');
  await servers[0]?.stop();
  isDown = true;
  assert.deepEqual(await calls, [status.OK]);
});

test('a stream on which nobody says anything outlasts the time that a client has for content', async (t) => {
  const server = await startGrpcServer(t, {
    chat: (call) => void call.on('data', (message: string) => call.write(`${message}!`)),
    unary: () => {},
  });
  const gateway = await startTidegate(
    t,
    `listeners: { web: { address: '127.0.0.1:0', timeouts: { body: 100ms } } }\n${grpcTo([server])}`,
  );
  const client = connectGrpc(t, gateway.port());
  const { call, next } = client.chat();
  call.write('one');
  assert.equal(await next(), 'one!');
  // A call that nobody answers tells when so much time has passed.
  const metadata = new Metadata();
  metadata.set('grpc-timeout', '500m');
  assert.equal((await client.unary('x', metadata)).status.code, status.DEADLINE_EXCEEDED);
  call.write('two');
  assert.equal(await next(), 'two!');
  call.cancel();
});

test('calls that end in every way leave nothing under way', async (t) => {
  const handlers: EchoHandlers = {
    unary: ({ request }, reply) => {
      if (request === 'late') return;
      if (request === 'bad') reply({ code: status.UNAVAILABLE });
      else reply(null, request);
    },
    spread: (call) => void call.write(call.request),
    chat: (call) => void call.on('data', (message: string) => call.write(message)).on('end', () => call.end()),
  };
  const { client, gateway, servers } = await start(
    t,
    [handlers, handlers],
    ', retry: { on: [grpc-unavailable] }, eject: { after: 0 }',
  );
  const late = new Metadata();
  late.set('grpc-timeout', '50m');
  const ways = [
    () => client.unary('well'),
    () => client.unary('bad'),
    () => client.unary('late', late),
    async () => {
      const { next, call, end } = client.spread('x');
      await next();
      call.cancel();
      await end;
    },
    async () => {
      const { next, call, end } = client.chat();
      call.write('x');
      await next();
      call.end();
      await end;
    },
    () => client.spread('x', late).end,
  ];
  const calls = Array.from({ length: 300 }, (_, i) => ways[i % ways.length]?.());
  await Promise.all(calls);
  const records = await gateway.untilRecords(calls.length);
  const counts = new Map<unknown, number>();
  for (const { grpc_status } of records) counts.set(grpc_status, (counts.get(grpc_status) ?? 0) + 1);
  assert.deepEqual(
    [counts.get('OK'), counts.get('UNAVAILABLE'), counts.get('DEADLINE_EXCEEDED'), counts.get('CANCELLED')],
    [100, 50, 100, 50],
  );
  assert.equal(await gateway.metric('tidegate_listener_exchanges_active{listener="web"}'), 0);
  for (const { address } of servers) {
    const labels = `{upstream="app",endpoint="${address}"}`;
    assert.equal(await gateway.metric(`tidegate_endpoint_in_flight${labels}`), 0);
    assert.equal(await gateway.metric(`tidegate_endpoint_streams_active${labels}`), 0);
  }
});

test('servers of which none can be reached are UNAVAILABLE', async (t) => {
  const gateway = await startTidegate(t, grpcTo([{ address: `127.0.0.1:${await closedPort()}` }]));
  const { status: told } = await connectGrpc(t, gateway.port()).unary('x');
  assert.equal(told.code, status.UNAVAILABLE);
});

test('policies refuse a call in words that its client knows', async (t) => {
  const server = await startGrpcServer(t, named('a'));
  const gateway = await startTidegate(
    t,
    `
routes:
  - { name: denied, match: { headers: { x-case: denied } }, policies: [{ type: access-list, allow: [192.0.2.1] }], upstream: app }
  - { name: kept, match: { headers: { x-case: kept } }, policies: [{ type: basic-auth, users: [{ name: a, password: b }] }], upstream: app }
  - { name: rare, match: { headers: { x-case: rare } }, policies: [{ type: rate-limit, key: client-address, rate: 1/h, burst: 1 }], upstream: app }
  - { name: small, match: { headers: { x-case: small } }, policies: [{ type: max-body, size: 100B }], upstream: app }
upstreams:
  app: { endpoints: ['${server.address}'], protocol: http2 }
`,
  );
  const client = connectGrpc(t, gateway.port());
  const call = async (name: string, message = 'x') => {
    const metadata = new Metadata();
    metadata.set('x-case', name);
    return (await client.unary(message, metadata)).status.code;
  };
  assert.equal(await call('denied'), status.PERMISSION_DENIED);
  assert.equal(await call('kept'), status.UNAUTHENTICATED);
  assert.equal(await call('rare'), status.OK);
  assert.equal(await call('rare'), status.RESOURCE_EXHAUSTED);
  assert.equal(await call('small', 'x'.repeat(1000)), status.RESOURCE_EXHAUSTED);
  assert.equal(await call('nowhere'), status.UNIMPLEMENTED);
});
