// HTTP/2 endpoints that do not take a request, in each way there is to say so: it is tried again where that is safe, and else told of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETTING } from '../support/http2-frames.ts';
import { answerAll, type Http2OriginConnection, startHttp2Origin } from '../support/http2-origin.ts';
import { GET, gatewayTo, metric, POST } from '../support/http2-upstream.ts';
import { exchange } from '../support/raw-client.ts';

for (const method of ['GET', 'POST'] as const) {
  test(`RFC 9113 8.7: a stream that the only endpoint refuses is tried there once more, on another connection (${method})`, async (t) => {
    const origin = await startHttp2Origin(t, async (connection) => {
      const { streamId } = await connection.requested();
      if (origin.connections.length > 1) await connection.answer(streamId, 'taken');
      else await connection.rst(streamId, 7);
    });
    const gateway = await gatewayTo(t, [origin]);
    const response = await exchange(t, gateway.port(), method === 'GET' ? GET : POST);
    assert.deepEqual([response.status, response.body, origin.connections.length], [200, 'taken', 2]);
    assert.equal((await gateway.untilRecords(1))[0]?.attempts, 2);
  });
}

test('a connection that refuses a stream beside others keeps those, and another one is opened for it', async (t) => {
  const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const origin = await startHttp2Origin(t, async (connection) => {
    if (origin.connections.length > 1) return await answerAll(connection);
    const first = await connection.requested();
    begun.resolve();
    await connection.rst((await connection.requested()).streamId, 7);
    await done.promise;
    await connection.answer(first.streamId, 'the first');
    await answerAll(connection);
  });
  const gateway = await gatewayTo(t, [origin]);
  const first = exchange(t, gateway.port(), GET);
  await begun.promise;
  assert.equal((await exchange(t, gateway.port(), POST)).body, 'ok');
  assert.equal(origin.connections.length, 2);
  done.resolve();
  assert.equal((await first).body, 'the first');
});

test('where no other connection may be opened, a refused stream is tried on the same one', async (t) => {
  const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const origin = await startHttp2Origin(t, async (connection) => {
    const first = await connection.requested();
    begun.resolve();
    await connection.rst((await connection.requested()).streamId, 7);
    await connection.answer((await connection.requested()).streamId, 'the second');
    await done.promise;
    await connection.answer(first.streamId, 'the first');
  });
  const gateway = await gatewayTo(t, [origin], 'pool: { max-connections: 1, wait-timeout: 10m }');
  const first = exchange(t, gateway.port(), GET);
  await begun.promise;
  assert.equal((await exchange(t, gateway.port(), POST)).body, 'the second');
  done.resolve();
  assert.equal((await first).body, 'the first');
  assert.equal(origin.connections.length, 1);
});

for (const [what, options, asked] of [
  ['is asked twice for a request', 'retry: { budget: 100% }', 2],
  ['is asked once where there are no retries', 'retry: { attempts: 1 }', 1],
] as const) {
  test(`an endpoint that refuses all streams ${what}, and answered by 502`, async (t) => {
    let requests = 0;
    const origin = await startHttp2Origin(t, async (connection) => {
      for (;;) {
        const { streamId } = await connection.requested();
        requests++;
        await connection.rst(streamId, 7);
      }
    });
    const gateway = await gatewayTo(t, [origin], options);
    assert.equal((await exchange(t, gateway.port(), POST)).status, 502);
    assert.equal(requests, asked);
    const [record] = await gateway.untilRecords(1);
    assert.match(String(record?.reason), /REFUSED_STREAM/);
    // The connection stood all along.
    const failures = `tidegate_endpoint_connect_failures_total{upstream="app",endpoint="${origin.address}"}`;
    assert.match(await (await gateway.adminFetch('/metrics')).text(), new RegExp(`^${failures} 0$`, 'm'));
  });
}

for (const [what, lastOf] of [
  ['that stream as the last one', (streamId: number) => streamId],
  ['any stream as the last one, as at the start of a shutdown', () => 0x7fffffff],
] as const) {
  test(`endpoints that say GOAWAY with ${what}, and refuse it all the same, are each asked once, and what the budget allows`, async (t) => {
    let requests = 0;
    const refuse = async (connection: Http2OriginConnection): Promise<void> => {
      const { streamId } = await connection.requested();
      requests++;
      await connection.leave(lastOf(streamId));
      // That it ends here keeps a gateway that asks for ever from never ending this test.
      if (requests > 10) await connection.answer(streamId);
      else await connection.rst(streamId, 7);
    };
    const origin = await startHttp2Origin(t, refuse);
    const gateway = await gatewayTo(
      t,
      [origin, await startHttp2Origin(t, refuse)],
      'retry: { attempts: 3, budget: 100% }',
    );
    assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
    assert.ok(requests <= 3, `${requests} requests`);
    assert.equal(await gateway.metric(metric('attempt_failures_total', origin)), 1);
  });
}

test('RFC 9113 7: HTTP_1_1_REQUIRED where HTTP/2 is all that may be spoken is 502, and the log names the option', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    for (;;) await connection.rst((await connection.requested()).streamId, 13);
  });
  const gateway = await gatewayTo(t, [origin]);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 502);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.error, record?.attempts], ['http_protocol_error', 1]);
  assert.match(String(record?.reason), /HTTP_1_1_REQUIRED\): `protocol` has to be http1 or auto/);
});

test('RFC 9113 6.5.2: a head that the endpoint says it does not take is answered 431, and is no failure of the endpoint', async (t) => {
  const origin = await startHttp2Origin(t, answerAll, { settings: [[SETTING.maxHeaderListSize, 2000]] });
  const other = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [origin, other]);
  const large = `GET / HTTP/1.1\r\nHost: a.test\r\nX-Large: ${'x'.repeat(2000)}\r\n\r\n`;
  assert.equal((await exchange(t, gateway.port(), large)).status, 431);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  const [record] = await gateway.untilRecords(2);
  assert.deepEqual([record?.error, record?.ended_by, record?.attempts], ['request-head-too-large', 'client', 1]);
  assert.match(String(record?.reason), /^the endpoint takes heads of up to 2000 octets/);
  assert.equal(await gateway.metric(metric('attempt_failures_total', origin)), 0);
  assert.equal(await gateway.metric(metric('streams_total', origin)), 1);
  assert.deepEqual([origin.connections.length, other.connections.length], [1, 0]);
});
