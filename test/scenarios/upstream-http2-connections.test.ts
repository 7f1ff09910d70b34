// The HTTP/2 connections to endpoints: how many there are, how they end, and what that costs the requests on them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { FLAG, FRAME, SETTING, settingsBytes, uint32 } from '../support/http2-frames.ts';
import { answerAll, type Http2Origin, type Http2OriginConnection, startHttp2Origin } from '../support/http2-origin.ts';
import { GET, gatewayTo, metric, POST } from '../support/http2-upstream.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';
import { connectRaw, exchange, type ReadResponse } from '../support/raw-client.ts';

/** So many requests at a time, each on a connection of its own. */
function together(t: TestContext, gateway: TestGateway, count: number, bytes = GET): Promise<ReadResponse>[] {
  return Array.from({ length: count }, () => exchange(t, gateway.port(), bytes));
}

const statuses = async (responses: readonly Promise<ReadResponse>[]) =>
  (await Promise.all(responses)).map(({ status }) => status);

test('many requests at a time go over one connection, which is used again', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    const first = await Promise.all(Array.from({ length: 20 }, () => connection.requested()));
    // All are there before one is answered.
    for (const { streamId } of first) void connection.answer(streamId);
    await answerAll(connection);
  });
  const gateway = await gatewayTo(t, [origin]);
  assert.deepEqual(await statuses(together(t, gateway, 20)), Array(20).fill(200));
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(origin.connections.length, 1);
  assert.equal(await gateway.metric(metric('connections_active', origin)), 1);
  assert.equal(await gateway.metric(metric('streams_total', origin)), 21);
  assert.equal(await gateway.metric(metric('streams_active', origin)), 0);
});

for (const [what, settings, options] of [
  ['the endpoint takes', [[SETTING.maxConcurrentStreams, 2]] as const, ''],
  ['pool.streams says', [] as const, 'pool: { streams: 2 }'],
] as const) {
  test(`connections are opened as they are needed: no more requests at a time go over one than ${what}`, async (t) => {
    let most = 0;
    const answers: (() => void)[] = [];
    const origin = await startHttp2Origin(
      t,
      async (connection) => {
        let open = 0;
        for (;;) {
          const { streamId } = await connection.requested();
          most = Math.max(most, ++open);
          answers.push(() => {
            open--;
            void connection.answer(streamId);
          });
          if (answers.length === 6) for (const answer of answers) answer();
        }
      },
      { settings },
    );
    const gateway = await gatewayTo(t, [origin], options);
    assert.deepEqual(await statuses(together(t, gateway, 6)), Array(6).fill(200));
    assert.equal(most, 2);
    assert.equal(origin.connections.length, 3);
  });
}

test('requests beyond all connections wait for their turn', async (t) => {
  const origin = await startHttp2Origin(t, answerAll, { settings: [[SETTING.maxConcurrentStreams, 1]] });
  const gateway = await gatewayTo(t, [origin], 'pool: { max-connections: 2 }');
  assert.deepEqual(await statuses(together(t, gateway, 12)), Array(12).fill(200));
  assert.ok(origin.connections.length <= 2);
  assert.equal(await gateway.metric(metric('waiting', origin)), 0);
});

test('a request that waits for its turn in vain is answered by 503, as is one too many in the queue', async (t) => {
  const origin = await startHttp2Origin(t, () => {}, { settings: [[SETTING.maxConcurrentStreams, 1]] });
  const gateway = await gatewayTo(t, [origin], 'pool: { max-connections: 1, max-waiting: 1, wait-timeout: 300ms }');
  const client = await connectRaw(t, gateway.port());
  void client.send(GET);
  await (await origin.connection()).requested();
  assert.deepEqual(await statuses(together(t, gateway, 2)), [503, 503]);
  const reasons = (await gateway.untilRecords(2)).map(({ reason }) => reason).toSorted();
  assert.deepEqual(reasons, ['all streams are in use and the waiting queue is full', 'no stream became free in time']);
});

test('RFC 9113 5.1.2: an endpoint that takes no streams for now gets requests when it does again', async (t) => {
  const origin = await startHttp2Origin(
    t,
    async (connection) => {
      await connection.next(({ type, flags }) => type === FRAME.settings && flags === FLAG.ack);
      await connection.frame(
        FRAME.settings,
        0,
        0,
        Buffer.concat([Buffer.from([0, SETTING.maxConcurrentStreams]), uint32(5)]),
      );
      await answerAll(connection);
    },
    { settings: [[SETTING.maxConcurrentStreams, 0]] },
  );
  const gateway = await gatewayTo(t, [origin]);
  assert.deepEqual(await statuses(together(t, gateway, 3)), [200, 200, 200]);
  assert.equal(origin.connections.length, 1);
});

test('idle connections are closed after their time, in order', async (t) => {
  const origin = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [origin], 'pool: { idle-timeout: 200ms }');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  const connection = await origin.connection();
  assert.deepEqual(await connection.goaway(), { lastStreamId: 0, code: 'NO_ERROR' });
  await connection.closed();
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(origin.connections.length, 2);
});

test('a connection that has had its requests is closed when the last of them is done, and no request fails of it', async (t) => {
  const origin = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [origin], 'pool: { max-requests: 3 }');
  for (let i = 0; i < 7; i++) assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(origin.connections.length, 3);
  for (const connection of origin.connections.slice(0, 2)) await connection.closed();
});

for (const [what, bytes] of [
  ['GET', GET],
  ['POST', POST],
] as const) {
  test(`RFC 9113 6.8: ${what} beyond the last stream of GOAWAY goes over another connection, and is no failure of the endpoint`, async (t) => {
    const origin = await startHttp2Origin(t, async (connection) => {
      const isFirst = origin.connections.length === 1;
      const { streamId } = await connection.requested();
      await connection.answer(streamId);
      if (isFirst) {
        const late = await connection.requested();
        await connection.leave(late.streamId - 2);
      }
      await answerAll(connection);
    });
    const gateway = await gatewayTo(t, [origin], 'retry: { attempts: 1 }');
    assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
    assert.equal((await exchange(t, gateway.port(), bytes)).status, 200);
    assert.equal(origin.connections.length, 2);
    assert.equal(await gateway.metric(metric('attempt_failures_total', origin)), 0);
    await (await origin.connection()).closed();
  });
}

test('RFC 9113 6.8: streams up to the last one of GOAWAY end well, later requests go elsewhere', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    if (origin.connections.length > 1) return await answerAll(connection);
    const { streamId } = await connection.requested();
    await connection.leave(0x7fffffff);
    await connection.leave(streamId);
    // Answered when the next request has come over another connection.
    await origin.connection(1);
    await connection.answer(streamId, 'the first');
  });
  const gateway = await gatewayTo(t, [origin]);
  const first = exchange(t, gateway.port(), POST);
  await (await origin.connection()).next(({ type }) => type === FRAME.data);
  const second = await exchange(t, gateway.port(), GET);
  assert.deepEqual([second.status, (await first).body], [200, 'the first']);
});

test('an endpoint that says GOAWAY to every request is asked no more often than attempts are allowed', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    await connection.requested();
    await connection.leave(0);
  });
  const gateway = await gatewayTo(t, [origin], 'retry: { attempts: 2, budget: 100% }');
  assert.equal((await exchange(t, gateway.port(), POST)).status, 502);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'connection_terminated');
  assert.ok(origin.connections.length <= 2, `${origin.connections.length} connections`);
});

test('RFC 9113 8.7: a refused stream is tried at another endpoint, whatever its method', async (t) => {
  const refusing = await startHttp2Origin(t, async (connection) => {
    for (;;) await connection.rst((await connection.requested()).streamId, 7);
  });
  const other = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [refusing, other]);
  assert.equal((await exchange(t, gateway.port(), POST)).status, 200);
  assert.equal((await gateway.untilRecords(1))[0]?.attempts, 2);
  // It is the stream that was refused, and not the connection.
  assert.equal((await exchange(t, gateway.port(), POST)).status, 200);
  assert.equal(refusing.connections.length, 1);
});

test('a reset of another kind is tried again for a method that allows it, and answered by 502 for others', async (t) => {
  const resetting = await startHttp2Origin(t, async (connection) => {
    for (;;) await connection.rst((await connection.requested()).streamId, 2);
  });
  const other = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [resetting, other], 'retry: { budget: 100% }');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal((await exchange(t, gateway.port(), POST)).status, 502);
  const [, record] = await gateway.untilRecords(2);
  assert.deepEqual(
    [record?.error, record?.reason],
    ['connection_terminated', 'the endpoint has ended the stream: INTERNAL_ERROR'],
  );
});

test('a client that leaves has its stream ended by CANCEL, and no other', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    const left = await connection.requested();
    const stays = await connection.requested();
    assert.equal(await connection.reset(left.streamId), 'CANCEL');
    await connection.answer(stays.streamId, 'still here');
  });
  const gateway = await gatewayTo(t, [origin]);
  const leaving = await connectRaw(t, gateway.port());
  void leaving.send(GET);
  const connection = await origin.connection();
  while ((await gateway.metric(metric('streams_active', origin))) < 1) await new Promise((r) => setTimeout(r, 10));
  const staying = exchange(t, gateway.port(), GET);
  while ((await gateway.metric(metric('streams_active', origin))) < 2) await new Promise((r) => setTimeout(r, 10));
  leaving.abort();
  assert.equal((await staying).body, 'still here');
  assert.equal(connection.ended, false);
});

test('an answer that does not come ends its stream alone; a connection that answers no PING meanwhile is dead', async (t) => {
  let isSilent = false;
  let pings = 0;
  const origin = await startHttp2Origin(t, async (connection) => {
    for (;;) {
      const frame = await connection.next(
        ({ type, flags }) => type === FRAME.headers || (type === FRAME.ping && flags === 0),
      );
      if (frame.type !== FRAME.ping || isSilent) continue;
      await connection.frame(FRAME.ping, FLAG.ack, 0, frame.payload);
      pings++;
    }
  });
  const gateway = await gatewayTo(
    t,
    [origin],
    'timeouts: { first-byte: 300ms }, retry: { attempts: 1 }, pool: { ping-timeout: 300ms }'.replaceAll(', ', '\n    '),
  );
  assert.equal((await exchange(t, gateway.port(), GET)).status, 504);
  const connection = await origin.connection();
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'connection_read_timeout');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 504);
  while (pings < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(origin.connections.length, 1);
  isSilent = true;
  assert.equal((await exchange(t, gateway.port(), GET)).status, 504);
  await connection.closed();
  await gateway.untilLogged('an endpoint answers no PING: the connection is dead');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 504);
  assert.equal(origin.connections.length, 2);
});

test('with ping-interval an idle connection is asked for a sign of life, and closed without one', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    await connection.answer(streamId);
    const ping = await connection.next(({ type }) => type === FRAME.ping);
    await connection.frame(FRAME.ping, FLAG.ack, 0, ping.payload);
    // The second one is not answered.
    await connection.next(({ type }) => type === FRAME.ping);
  });
  const gateway = await gatewayTo(t, [origin], 'pool: { ping-interval: 100ms, ping-timeout: 200ms }');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  await (await origin.connection()).closed();
  assert.equal(await gateway.metric(metric('connections_active', origin)), 0);
});

for (const [what, send] of [
  ['DATA on a stream that was never opened', (c: Http2OriginConnection) => c.data(99, 'x')],
  ['a frame that is too large', (c: Http2OriginConnection) => c.frame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
  [
    'a header block that cannot be read',
    (c: Http2OriginConnection) => c.frame(FRAME.headers, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
  ],
  ['a pushed request', (c: Http2OriginConnection) => c.frame(FRAME.pushPromise, 4, 1, uint32(2))],
] as const) {
  test(`RFC 9113 5.4.1: ${what} ends the connection, and the requests on it are tried again where that is safe`, async (t) => {
    const broken = await startHttp2Origin(t, async (connection) => {
      await connection.requested();
      await send(connection);
    });
    const other = await startHttp2Origin(t);
    const gateway = await gatewayTo(t, [broken, other]);
    assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
    const line = await gateway.untilLogged('an endpoint has broken the rules of HTTP/2');
    assert.equal(line.endpoint, broken.address);
    assert.notEqual((await (await broken.connection()).goaway()).code, 'NO_ERROR');
    await (await broken.connection()).closed();
  });
}

test('an endpoint that does not speak HTTP/2 gets no request, and another one gets it, whatever its method', async (t) => {
  const http1 = await startOrigin(t, () => ok('from HTTP/1.1'));
  http1.onBytes = (_bytes, { socket }) => void socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  const other = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [http1, other]);
  assert.equal((await exchange(t, gateway.port(), POST)).body, 'ok');
  const alone = await gatewayTo(t, [http1]);
  assert.equal((await exchange(t, alone.port(), POST)).status, 502);
  const [record] = await alone.untilRecords(1);
  assert.equal(record?.error, 'http_protocol_error');
  assert.match(String(record?.reason), /^the endpoint does not speak HTTP\/2: /);
  assert.equal(http1.requests.filter(({ method }) => method === 'POST').length, 0);
});

test('an endpoint that sends no SETTINGS costs no more than the time for connecting', async (t) => {
  const origin = await startHttp2Origin(t, () => {}, { isSilent: true });
  const gateway = await gatewayTo(t, [origin], 'timeouts: { connect: 300ms }');
  assert.deepEqual(await statuses(together(t, gateway, 3)), [504, 504, 504]);
  for (const record of await gateway.untilRecords(3)) assert.equal(record.error, 'connection_timeout');
  for (const connection of origin.connections) await connection.closed();
});

test('an endpoint that cannot be reached is told of to all who wait for its connection', async (t) => {
  const gateway = await gatewayTo(t, [{ address: `127.0.0.1:${await closedPort()}` }], 'eject: { after: 0 }');
  assert.deepEqual(await statuses(together(t, gateway, 3)), [502, 502, 502]);
  for (const record of await gateway.untilRecords(3)) assert.equal(record.error, 'connection_refused');
});

test('a connection that is gone before the answer is tried again where that is safe', async (t) => {
  const going = await startHttp2Origin(t, async (connection) => {
    for (;;) {
      await connection.requested();
      connection.socket.destroy();
    }
  });
  const other = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [going, other], 'retry: { budget: 100% }');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal((await exchange(t, gateway.port(), POST)).status, 502);
});

test('a connection that the endpoint had closed while it was idle is no failure: the request goes over a new one', async (t) => {
  const origin = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    await connection.answer(streamId);
    // Gone when the next request is on its way.
    await connection.requested();
    connection.socket.resetAndDestroy();
  });
  const gateway = await gatewayTo(t, [origin], 'retry: { attempts: 1 }');
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(origin.connections.length, 2);
  assert.equal(await gateway.metric(metric('attempt_failures_total', origin)), 0);
});

test('an endpoint that leaves the configuration has its connection closed when its requests are done', async (t) => {
  let finish = (): void => {};
  const origin: Http2Origin = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    await new Promise<void>((resolve) => (finish = resolve));
    await connection.answer(streamId, 'in the end');
  });
  const next = await startHttp2Origin(t);
  const gateway = await gatewayTo(t, [origin]);
  const first = exchange(t, gateway.port(), GET);
  const connection = await origin.connection();
  while ((await gateway.metric(metric('streams_active', origin))) < 1) await new Promise((r) => setTimeout(r, 10));
  await gateway.write(`
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${next.address}'], protocol: http2 } }
`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation >= 2);
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  finish();
  assert.equal((await first).body, 'in the end');
  await connection.closed();
});

test('an upstream that changes to another version keeps what is under way', async (t) => {
  const http1 = await startOrigin(t, () => ok('by HTTP/1.1'));
  const origin = await startHttp2Origin(t);
  const configuration = (address: string, protocol: string) => `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'], protocol: ${protocol} } }
`;
  const gateway = await startTidegate(t, configuration(origin.address, 'http2'));
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'ok');
  await gateway.write(configuration(http1.address, 'http1'));
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation >= 2);
  assert.equal((await exchange(t, gateway.port(), GET)).body, 'by HTTP/1.1');
  await (await origin.connection()).closed();
});

test('streaming content is sent again where the first endpoint has refused its stream', async (t) => {
  const content = 'abcdefgh'.repeat(2000);
  const refusing = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    await connection.next(({ type }) => type === FRAME.data);
    await connection.rst(streamId, 7);
  });
  let begun = (): void => {};
  const untilBegun = new Promise<void>((resolve) => (begun = resolve));
  const other = await startHttp2Origin(t, async (connection) => {
    const { streamId } = await connection.requested();
    const part = await connection.next(({ type }) => type === FRAME.data);
    begun();
    await connection.answer(streamId, part.payload.toString() + (await connection.content(streamId)).toString());
  });
  const gateway = await gatewayTo(t, [refusing, other]);
  const client = await connectRaw(t, gateway.port());
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  void client.send(`PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(content.slice(0, 5000))}`);
  await untilBegun;
  void client.send(`${chunk(content.slice(5000))}0\r\n\r\n`);
  const { status, body } = await client.response();
  assert.deepEqual([status, body === content], [200, true]);
});

test('a client that leaves while the connection is being opened costs nobody anything', async (t) => {
  const origin = await startHttp2Origin(t, answerAll, { isSilent: true });
  const gateway = await gatewayTo(t, [origin]);
  const leaving = await connectRaw(t, gateway.port());
  void leaving.send(GET);
  const connection = await origin.connection();
  const staying = exchange(t, gateway.port(), GET);
  leaving.abort();
  await gateway.untilRecords(1);
  await connection.send(settingsBytes([]));
  assert.equal((await staying).status, 200);
  assert.equal(await gateway.metric(metric('streams_total', origin)), 1);
  assert.equal(await gateway.metric(metric('waiting', origin)), 0);
});

test('clients that read nothing keep no others waiting on the same connection', async (t) => {
  const large = 'x'.repeat(1_000_000);
  const origin = await startHttp2Origin(t, async (connection) => {
    // What is sent beyond the windows would end the connection; the stream window alone is what may be sent of each.
    for (;;) {
      const { streamId, field } = await connection.requested();
      if (field(':path') === '/large') {
        void connection.headers(streamId, [[':status', '200']]);
        for (let at = 0; at < 65_535; at += 16_384)
          void connection.data(streamId, large.slice(at, Math.min(65_535, at + 16_384)));
      } else void connection.answer(streamId);
    }
  });
  const gateway = await gatewayTo(t, [origin]);
  for (let i = 0; i < 40; i++) {
    const client = await connectRaw(t, gateway.port(), { paused: true });
    void client.send('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  }
  const connection = await origin.connection();
  while ((await gateway.metric(metric('streams_active', origin))) < 40) await new Promise((r) => setTimeout(r, 10));
  assert.equal((await exchange(t, gateway.port(), GET)).status, 200);
  assert.equal(connection.ended, false);
  assert.equal(origin.connections.length, 1);
});
