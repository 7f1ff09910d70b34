// gRPC with TLS on both sides: clients that speak nothing but HTTP/2, servers that are verified, and their health.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  credentials,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { createAuthority } from '../support/certificates.ts';
import { startTidegate } from '../support/gateway.ts';
import { connectGrpc, startGrpcServer } from '../support/grpc-peers.ts';
import { runProbe } from '../support/probing.ts';

const authority = createAuthority();
const certificate = authority.issue({ names: ['127.0.0.1', 'grpc.test'] });

const serverCredentials = ServerCredentials.createSsl(null, [
  { cert_chain: Buffer.from(certificate.cert), private_key: Buffer.from(certificate.key) },
]);

test('calls go over TLS on both sides, and stream', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const files = { 'cert.pem': certificate.cert, 'key.pem': certificate.key, 'ca.pem': authority.cert };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const server = await startGrpcServer(
    t,
    {
      chat: (call) => void call.on('data', (message: string) => call.write(`${message}!`)).on('end', () => call.end()),
    },
    serverCredentials,
  );
  const gateway = await startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:0', tls: { certificates: [{ cert: ${folder}/cert.pem, key: ${folder}/key.pem }] } }
routes: [{ name: all, upstream: app }]
upstreams:
  app: { endpoints: ['${server.address}'], protocol: auto, tls: { ca: '\${file:${folder}/ca.pem}' } }
`,
  );
  const client = connectGrpc(t, gateway.port(), credentials.createSsl(Buffer.from(authority.cert)), {
    'grpc.ssl_target_name_override': 'grpc.test',
  });
  const { call, next, end } = client.chat();
  for (const message of ['one', 'two']) {
    call.write(message);
    assert.equal(await next(), `${message}!`);
  }
  call.end();
  assert.equal((await end).status.code, status.OK);
});

/** A server that answers for its health, by the protocol's bytes. */
async function startHealthServer(t: TestContext, answer: Buffer, secure: ServerCredentials): Promise<number> {
  const bytes = { serialize: (message: Buffer) => message, deserialize: (message: Buffer) => message };
  const server = new Server();
  server.addService(
    {
      check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestSerialize: bytes.serialize,
        requestDeserialize: bytes.deserialize,
        responseSerialize: bytes.serialize,
        responseDeserialize: bytes.deserialize,
      },
    },
    { check: (_: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => reply(null, answer) },
  );
  t.after(() => server.forceShutdown());
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secure, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

for (const [what, secure, options] of [
  ['without TLS', ServerCredentials.createInsecure(), {}],
  ['with TLS', serverCredentials, { tls: { ca: authority.cert } }],
] as const) {
  test(`the health of a real server is asked for ${what}`, async (t) => {
    const serving = await startHealthServer(t, Buffer.from([8, 1]), secure);
    assert.deepEqual(await runProbe('grpc', options, serving), { healthy: true, reason: 'SERVING' });
    const failing = await startHealthServer(t, Buffer.from([8, 2]), secure);
    assert.deepEqual(await runProbe('grpc', options, failing), { healthy: false, reason: 'NOT_SERVING' });
  });
}
