// Streams that have to be reset at an endpoint, and what that costs the others on their connection: endpoints end connections on which they
// see too many resets (CVE-2023-44487).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { callBytes } from '../support/grpc-bytes.ts';
import { FLAG, FRAME } from '../support/http2-frames.ts';
import { type Http2OriginConnection, startHttp2Origin } from '../support/http2-origin.ts';
import { connectRaw } from '../support/raw-client.ts';

/** A gateway before an endpoint that answers one call when it is told to, and the others never. */
async function start(t: TestContext, pool: string) {
  const held = Promise.withResolvers<{ connection: Http2OriginConnection; streamId: number }>();
  const origin = await startHttp2Origin(t, async (connection) => {
    for (;;) {
      const request = await connection.requested();
      if (request.field(':path') === '/long') held.resolve({ connection, streamId: request.streamId });
    }
  });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'], protocol: http2, pool: { ${pool} }, timeouts: { first-byte: 5m } } }
`,
  );
  const long = (await connectRaw(t, gateway.port())).request(callBytes({ path: '/long' }));
  const { connection, streamId } = await held.promise;
  const impatient = await connectRaw(t, gateway.port());
  return {
    origin,
    first: connection,
    call: () => impatient.request(callBytes({ path: '/wait', fields: 'grpc-timeout: 10m\r\n' })),
    async answer() {
      await connection.headers(
        streamId,
        [
          [':status', '200'],
          ['content-type', 'application/grpc'],
          ['grpc-status', '0'],
        ],
        FLAG.endStream,
      );
      return (await long).field('grpc-status');
    },
  };
}

const resets = ({ frames }: Http2OriginConnection) => frames.filter(({ type }) => type === FRAME.rstStream).length;

test('calls with short deadlines go on over another connection before an endpoint sees many resets on one', async (t) => {
  const { origin, first, call, answer } = await start(t, 'max-connections: 2');
  while (origin.connections.length < 2) assert.equal((await call()).field('grpc-status'), '4');
  assert.ok(resets(first) <= 50, `${resets(first)}`);
  assert.equal(await answer(), '0');
  // It has no other call now, and nobody gives it one.
  await first.closed();
});

test('where no other connection may be opened, calls stay on the one there is', async (t) => {
  const { origin, first, call, answer } = await start(t, 'max-connections: 1');
  while (resets(first) <= 60) assert.equal((await call()).field('grpc-status'), '4');
  assert.equal(await answer(), '0');
  assert.equal(origin.connections.length, 1);
});
