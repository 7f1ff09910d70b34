// The deadline of a call of gRPC bounds all that is done for it, and endpoints are told what is left of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyTo, startTidegate } from '../support/gateway.ts';
import { ANSWER_HEAD, answerBytes, callBytes, chunk, headOnly, message } from '../support/grpc-bytes.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const UNIT_MS: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1000, M: 60_000, H: 3_600_000 };

/** Milliseconds that a `grpc-timeout` stands for. */
function msOf(timeout: string | undefined): number {
  assert.match(timeout ?? '', /^[1-9][0-9]{0,7}[HMSmun]$/);
  return Number(timeout?.slice(0, -1)) * (UNIT_MS[timeout?.at(-1) ?? ''] ?? 0);
}

test('a call that passes its deadline is answered DEADLINE_EXCEEDED, and its endpoint sees it cancelled', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(callBytes({ fields: 'grpc-timeout: 200m\r\n' }));
  assert.equal(response.status, 200);
  assert.equal(response.field('grpc-status'), '4');
  assert.equal(await origin.connections[0]?.reader.rest(), '');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual(
    [record?.error, record?.grpc_status, record?.ended_by],
    ['deadline-exceeded', 'DEADLINE_EXCEEDED', 'client'],
  );
});

test('an endpoint is told what is left of the deadline', async (t) => {
  const origin = await startOrigin(t, () => answerBytes());
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  await client.request(callBytes({ fields: 'Grpc-Timeout: 60S\r\n' }));
  assert.ok(msOf(origin.last.field('grpc-timeout')) < 60_000);
  // Nobody has to keep a deadline that is further away than any timer runs; it is told all the same.
  await client.request(callBytes({ fields: 'grpc-timeout: 99999999H\r\n' }));
  assert.ok(msOf(origin.last.field('grpc-timeout')) > 1e14);
});

test('what is no timeout is the endpoint’s to judge', async (t) => {
  const origin = await startOrigin(t, () => answerBytes());
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(callBytes({ fields: 'grpc-timeout: soon\r\n' }));
  assert.deepEqual(response.trailers, [['grpc-status', '0']]);
  assert.equal(origin.last.field('grpc-timeout'), 'soon');
});

test('attempts share the deadline: each is told less than the one before, and how many there were', async (t) => {
  const seen: (readonly [number, string | undefined])[] = [];
  const origin = await startOrigin(t, ({ field }) => {
    seen.push([msOf(field('grpc-timeout')), field('grpc-previous-rpc-attempts')]);
    return headOnly(14);
  });
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    retry: { on: [grpc-unavailable], same-endpoint: true, backoff: 5ms }
`,
  );
  const client = await connectRaw(t, gateway.port());
  await client.request(callBytes({ fields: 'grpc-timeout: 60S\r\ngrpc-previous-rpc-attempts: 2\r\n' }));
  assert.deepEqual(
    seen.map(([, attempts]) => attempts),
    ['2', '3', '4'],
  );
  const times = seen.map(([ms]) => ms);
  assert.deepEqual(
    times.toSorted((a, b) => b - a),
    times,
  );
  assert.equal(new Set(times).size, 3);
});

test('a deadline ends the wait for another attempt', async (t) => {
  const origin = await startOrigin(t, () => headOnly(14));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    retry: { on: [grpc-unavailable], same-endpoint: true, attempts: 10, backoff: 60s, max-backoff: 60s }
`,
  );
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(callBytes({ fields: 'grpc-timeout: 100m\r\n' }));
  assert.equal(response.field('grpc-status'), '4');
});

test('grpc.max-timeout stands over a later deadline, and over none', async (t) => {
  const origin = await startOrigin(t, ({ target }) => (target === '/wait' ? undefined : answerBytes()));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, upstream: app }]
upstreams:
  app: { endpoints: ['${origin.address}'], grpc: { max-timeout: 500ms } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  for (const fields of ['grpc-timeout: 1H\r\n', '']) {
    await client.request(callBytes({ fields }));
    assert.ok(msOf(origin.last.field('grpc-timeout')) < 500);
  }
  const response = await client.request(callBytes({ path: '/wait' }));
  assert.equal(response.field('grpc-status'), '4');
  const { error, ended_by, grpc_status } = (await gateway.untilRecords(3)).at(-1) ?? {};
  assert.deepEqual([error, ended_by, grpc_status], ['call-too-long', 'self', 'DEADLINE_EXCEEDED']);
});

test('a deadline that passes within a stream ends it with DEADLINE_EXCEEDED in its trailers', async (t) => {
  const origin = await startOrigin(t, () => `${ANSWER_HEAD}${chunk(message('one'))}`);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const response = await client.request(callBytes({ fields: 'grpc-timeout: 300m\r\n' }));
  assert.equal(response.body, message('one'));
  assert.deepEqual(response.trailers, [
    ['grpc-status', '4'],
    ['grpc-message', 'The deadline of the call has passed.'],
  ]);
  assert.equal(await origin.connections[0]?.reader.rest(), '');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.grpc_status], ['deadline-exceeded', 'DEADLINE_EXCEEDED']);
  assert.equal((await client.request(callBytes({ fields: 'grpc-timeout: 0m\r\n' }))).field('grpc-status'), '4');
});

test('a client that reads no trailers sees that the content is not whole', async (t) => {
  const origin = await startOrigin(t, () => `${ANSWER_HEAD}${chunk(message('one'))}`);
  const gateway = await startTidegate(t, proxyTo(origin));
  const client = await connectRaw(t, gateway.port());
  const bytes = callBytes({ fields: 'grpc-timeout: 300m\r\n' });
  void client.send(bytes.replace('TE: trailers\r\nConnection: te\r\n', ''));
  const received = await client.closed();
  assert.ok(received.endsWith(chunk(message('one'))), received);
});
