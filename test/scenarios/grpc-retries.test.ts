// Calls of gRPC that an endpoint fails: repeated after the statuses that are named, held against the endpoint, counted.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ANSWER_HEAD, answerBytes, callBytes, chunk, headOnly, message, trailers } from '../support/grpc-bytes.ts';
import { type OnRequest, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

/** A gateway before two origins: the first one, which is asked first, fails as `fail` does, the other one does not. */
async function start(t: TestContext, fail: OnRequest, options: string) {
  const failing = await startOrigin(t, fail);
  const well = await startOrigin(t, ({ body }) => answerBytes(body));
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, upstream: app }]
upstreams:
  app:
    endpoints: ['${failing.address}', '${well.address}']
    balancer: first-fit
    ${options}
`,
  );
  return { failing, well, gateway, client: await connectRaw(t, gateway.port()) };
}

const RETRY = 'retry: { on: [grpc-unavailable] }';

test('UNAVAILABLE in a head is repeated elsewhere with the same content', async (t) => {
  const { failing, well, gateway, client } = await start(t, () => headOnly(14), RETRY);
  const response = await client.request(callBytes({ body: message('content') }));
  assert.equal(response.body, message(message('content')));
  assert.deepEqual(response.trailers, [['grpc-status', '0']]);
  assert.equal(failing.last.body, well.last.body);
  assert.equal(failing.last.field('grpc-previous-rpc-attempts'), undefined);
  assert.equal(well.last.field('grpc-previous-rpc-attempts'), '1');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.attempts, record?.grpc_status], [2, 'OK']);
});

test('content that streams is repeated as long as it is kept', async (t) => {
  const { well, client } = await start(t, () => headOnly(14), RETRY);
  const head = callBytes().split('Content-Length')[0];
  const content = 'x'.repeat(20_000);
  const response = await client.request(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk(content)}0\r\n\r\n`);
  assert.equal(response.trailers[0]?.[1], '0');
  assert.equal(well.last.body, content);
});

for (const [what, fail, options] of [
  ['a status that is not named', () => headOnly(13), RETRY],
  ['UNAVAILABLE where nothing is named', () => headOnly(14), 'retry: { attempts: 3 }'],
  [
    'UNAVAILABLE of a server that says when to come again',
    () => headOnly(14, 'grpc-retry-pushback-ms: 500\r\n'),
    RETRY,
  ],
] as const) {
  test(`${what} is passed on`, async (t) => {
    const { well, client } = await start(t, fail, options);
    const response = await client.request(callBytes());
    assert.equal(response.field('grpc-status'), headOnly(13) === fail() ? '13' : '14');
    assert.equal(well.requests.length, 0);
  });
}

test('a call is repeated where its client would be told UNAVAILABLE, also when the endpoint has not said so', async (t) => {
  for (const fail of [
    (_, { socket }) => void socket.resetAndDestroy(),
    () => 'HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nbusy',
  ] satisfies OnRequest[]) {
    const { failing, client } = await start(t, fail, RETRY);
    const response = await client.request(callBytes());
    assert.equal(response.trailers[0]?.[1], '0');
    assert.equal(failing.requests.length, 1);
  }
});

test('an answer that has begun is not repeated: its end is the client’s to see', async (t) => {
  const { well, client } = await start(t, () => answerBytes('half', 14), RETRY);
  const response = await client.request(callBytes());
  assert.deepEqual(response.trailers, [['grpc-status', '14']]);
  assert.equal(well.requests.length, 0);
});

test('an endpoint that dies within a stream leaves UNAVAILABLE in the trailers', async (t) => {
  const { gateway, client } = await start(
    t,
    (_, { socket }) => void socket.write(`${ANSWER_HEAD}${chunk(message('one'))}`, () => socket.destroy()),
    RETRY,
  );
  const response = await client.request(callBytes());
  assert.equal(response.body, message('one'));
  assert.equal(response.trailers[0]?.[1], '14');
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual(
    [record?.error, record?.grpc_status, record?.ended_by],
    ['http_response_incomplete', 'UNAVAILABLE', 'origin'],
  );
});

interface UpstreamView {
  readonly endpoints: readonly { readonly status: string; readonly reason: string }[];
}

for (const [where, fail] of [
  ['in a head', () => headOnly(14)],
  ['in trailers', () => `${ANSWER_HEAD}${chunk(message('one'))}${trailers(14)}`],
] as const) {
  test(`UNAVAILABLE ${where} is a failure of the endpoint that ejects it`, async (t) => {
    const { gateway, client } = await start(t, fail, 'eject: { after: 3, time: 1h, max-time: 1h }');
    for (let turn = 0; turn < 3; turn++) await client.request(callBytes());
    const { endpoints } = await gateway.untilAdmin<UpstreamView>(
      '/upstreams/app',
      (view) => view.endpoints[0]?.status === 'ejected',
    );
    assert.equal(endpoints[0]?.reason, '3 failures in a row, the last: gateway-error');
    assert.equal((await client.request(callBytes())).trailers[0]?.[1], '0');
  });
}

test('what a client can bring about is held against nobody', async (t) => {
  const { failing, gateway, client } = await start(
    t,
    ({ field }) => headOnly(Number(field('x-status'))),
    'eject: { after: 2, on: [gateway-error, server-error], time: 1h, max-time: 1h }',
  );
  const statuses = [1, 3, 4, 5, 7, 8, 11, 12, 16];
  for (const status of [...statuses, 2, 14]) {
    const response = await client.request(callBytes({ fields: `x-status: ${status}\r\n` }));
    assert.equal(response.field('grpc-status'), String(status));
  }
  const { endpoints } = await gateway.untilAdmin<UpstreamView>(
    '/upstreams/app',
    (view) => view.endpoints[0]?.status === 'ejected',
  );
  assert.equal(endpoints[0]?.reason, '2 failures in a row, the last: gateway-error');
  assert.equal(failing.requests.length, statuses.length + 2);
});

test('calls are counted by status for their route and upstream', async (t) => {
  const { gateway, client } = await start(
    t,
    ({ field }) => (field('x-status') === '0' ? answerBytes() : headOnly(Number(field('x-status')))),
    'retry: { attempts: 1 }',
  );
  for (const status of [0, 0, 5]) await client.request(callBytes({ fields: `x-status: ${status}\r\n` }));
  await client.request(callBytes({ fields: 'grpc-timeout: 0m\r\n' }));
  await gateway.untilRecords(4);
  const count = (series: string, status: string) => gateway.metric(`tidegate_${series},grpc_status="${status}"}`);
  for (const series of ['route_grpc_calls_total{route="all"', 'upstream_grpc_calls_total{upstream="app"']) {
    assert.equal(await count(series, 'OK'), 2);
    assert.equal(await count(series, 'NOT_FOUND'), 1);
    assert.equal(await count(series, 'DEADLINE_EXCEEDED'), 1);
    assert.equal(await count(series, 'UNAVAILABLE'), 0);
  }
});
