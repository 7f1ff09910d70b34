// The gRPC probe: each answer of the health protocol, each way to give none, and endpoints judged by it in a running gateway.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import { startTidegate } from '../support/gateway.ts';
import { createGrpcServer, type GrpcRequest, type OnGrpcRequest } from '../support/grpc-health.ts';
import { closedPort } from '../support/ports.ts';
import { probed, runProbe } from '../support/probing.ts';

test('the request is a gRPC call of grpc.health.v1.Health/Check that names the service', async (t) => {
  const requests: GrpcRequest[] = [];
  const { check, port } = await probed(
    t,
    createGrpcServer((request) => {
      requests.push(request);
      return { status: 1 };
    }),
  );
  assert.deepEqual(await check('grpc', { service: 'a.B' }), { healthy: true, reason: 'SERVING' });
  const { fields, content } = requests[0] as GrpcRequest;
  assert.equal(fields[':method'], 'POST');
  assert.equal(fields[':path'], '/grpc.health.v1.Health/Check');
  assert.equal(fields[':scheme'], 'http');
  assert.equal(fields[':authority'], `127.0.0.1:${port}`);
  assert.equal(fields['content-type'], 'application/grpc');
  assert.equal(fields.te, 'trailers');
  assert.deepEqual(content, Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42]));
  await check('grpc', { host: 'api.test' });
  assert.equal(requests[1]?.fields[':authority'], 'api.test');
  assert.deepEqual(requests[1]?.content, Buffer.alloc(5));
});

const answers: readonly (readonly [what: string, answer: OnGrpcRequest, reason: string])[] = [
  ['UNKNOWN', () => ({ status: 0 }), 'UNKNOWN'],
  ['NOT_SERVING', () => ({ status: 2 }), 'NOT_SERVING'],
  ['SERVICE_UNKNOWN', () => ({ status: 3 }), 'SERVICE_UNKNOWN'],
  [
    'a head alone that says UNIMPLEMENTED',
    () => ({ headOnly: { 'grpc-status': '12', 'grpc-message': 'no%20such service%3A health' } }),
    'UNIMPLEMENTED: no such service: health',
  ],
  ['a head alone that says NOT_FOUND', () => ({ headOnly: { 'grpc-status': '5' } }), 'NOT_FOUND'],
  [
    'trailers with an error behind a good message',
    () => ({ trailers: { 'grpc-status': '14', 'grpc-message': '100% busy' } }),
    'UNAVAILABLE: 100% busy',
  ],
  ['a status that gRPC does not have', () => ({ headOnly: { 'grpc-status': '99' } }), 'grpc-status 99'],
  ['an answer without grpc-status', () => ({ trailers: {} }), 'the answer is not of gRPC: it has no grpc-status'],
  ['another status of HTTP', () => ({ headOnly: { ':status': 404 } }), 'status 404'],
  ['bytes that are no message', () => ({ bytes: Buffer.from('hello') }), 'the answer is not of the health protocol'],
  [
    'an answer without a message',
    () => ({ headOnly: { 'grpc-status': '0' } }),
    'the answer is not of the health protocol',
  ],
  ['content without end', () => ({ bytes: Buffer.alloc(100_000) }), 'the answer is too long'],
  [
    'a stream that is reset',
    (_request, stream) => {
      stream.close(2);
      return undefined;
    },
    'Stream closed with error code NGHTTP2_INTERNAL_ERROR',
  ],
  [
    'a connection that is cut',
    (_request, stream) => {
      stream.session?.destroy();
      return undefined;
    },
    'closed before the answer',
  ],
  ['no answer', () => undefined, 'timeout'],
];

for (const [what, answer, reason] of answers) {
  test(`${what} is not healthy: ${reason}`, async (t) => {
    const { check } = await probed(t, createGrpcServer(answer));
    assert.deepEqual(await check('grpc', {}, reason === 'timeout' ? 200 : undefined), { healthy: false, reason });
  });
}

test('an endpoint that speaks something else is not healthy', async (t) => {
  const server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const { check } = await probed(t, server);
  assert.match((await check('grpc')).reason, /does not speak HTTP\/2|closed/);
  const silent = await probed(
    t,
    createServer(() => {}),
  );
  assert.deepEqual(await silent.check('grpc', {}, 200), { healthy: false, reason: 'timeout' });
});

test('an endpoint that refuses is not healthy', async () => {
  assert.deepEqual(await runProbe('grpc', {}, await closedPort()), { healthy: false, reason: 'connection refused' });
});

test('with TLS it is checked that HTTP/2 is offered, and the authority gives the name', async (t) => {
  const authority = createAuthority();
  const certificate = authority.issue({ names: ['grpc.test'] });
  const { check } = await probed(
    t,
    createGrpcServer(({ fields }) => (fields[':scheme'] === 'https' ? { status: 1 } : { status: 2 }), certificate),
  );
  const tls = { ca: authority.cert };
  assert.deepEqual(await check('grpc', { host: 'grpc.test:443', tls }), { healthy: true, reason: 'SERVING' });
  assert.deepEqual(await check('grpc', { tls }), { healthy: false, reason: 'the certificate is for grpc.test only' });
});

test('a gateway sends requests to the endpoint whose service is serving, for as long as it is', async (t) => {
  let isServing = true;
  const first = await probed(
    t,
    createGrpcServer(() => ({ status: isServing ? 1 : 2 })),
  );
  const second = await probed(
    t,
    createGrpcServer(() => ({ headOnly: { 'grpc-status': '12' } })),
  );
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['127.0.0.1:${first.port}', '127.0.0.1:${second.port}']
    health: { type: grpc, service: a.B, interval: 1s, timeout: 900ms, healthy: 1, unhealthy: 1 }
`,
  );
  interface View {
    readonly endpoints: readonly { readonly status: string; readonly reason: string }[];
  }
  const until = (...wanted: string[]) =>
    gateway.untilAdmin<View>('/upstreams/app', ({ endpoints }) =>
      endpoints.every(({ status, reason }, i) => `${status}: ${reason}` === wanted[i]),
    );
  await until('healthy: probe: SERVING', 'unhealthy: probe: UNIMPLEMENTED');
  isServing = false;
  await until('unhealthy: probe: NOT_SERVING', 'unhealthy: probe: UNIMPLEMENTED');
});
