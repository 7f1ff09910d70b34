// Endpoints that answer over HTTP/2 with frames of chance: every request comes to an end, no connection or stream is counted for ever, and
// the gateway serves on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, seededRandom } from '#lib/random.ts';
import { startTidegate } from '../support/gateway.ts';
import { hpackBlock } from '../support/hpack.ts';
import { frameBytes, headersBytes, settingsBytes, uint32 } from '../support/http2-frames.ts';
import { answerAll, type Http2OriginConnection, startHttp2Origin } from '../support/http2-origin.ts';
import { exchange } from '../support/raw-client.ts';
import { fuzzRounds, fuzzSeed } from './mutate.ts';

/** Requests at a time. */
const WIDTH = 8;

class FrameDice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Below `count`. */
  number(count: number): number {
    return Math.floor(this.#random() * count);
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.number(items.length)] as Item;
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.number(most + 1) }, () => this.number(256)));
  }

  /** Mostly one of the streams that are open. */
  stream(open: readonly number[]): number {
    return this.number(8) === 0 ? this.number(40) : this.one(open);
  }

  /** A frame that is nearly what may be sent, or is not at all. */
  frame(open: readonly number[]): Buffer {
    const streamId = this.stream(open);
    const end = this.number(2);
    const status = this.one(['200', '200', '200', '204', '304', '103', '101', '500', 'x']);
    const fields = this.one([
      [],
      [['a', 'b']],
      [['content-length', String(this.number(9))]],
      [['A', 'b']],
      [['te', 'x']],
    ]);
    const make: readonly (() => Buffer)[] = [
      () => headersBytes(streamId, hpackBlock([[':status', status], ...(fields as [string, string][])]), end),
      () => headersBytes(streamId, hpackBlock([[':status', '200']]), end),
      () => headersBytes(streamId, hpackBlock([['x-trailer', '1']]), 1),
      () => headersBytes(streamId, this.bytes(20), end),
      () => frameBytes(0, end, streamId, this.bytes(30)),
      () => frameBytes(0, end | 8, streamId, this.bytes(30)),
      () => frameBytes(3, 0, streamId, uint32(this.number(15))),
      () => frameBytes(8, 0, this.one([0, streamId]), uint32(this.one([0, 1, 1000, 0x7fffffff]))),
      () => settingsBytes([[this.number(10), this.one([0, 1, 100, 65_535, 0xffffffff])]]),
      () => frameBytes(6, this.number(2), 0, Buffer.alloc(8)),
      () => frameBytes(7, 0, 0, Buffer.concat([uint32(this.one([0, streamId, 0x7fffffff])), uint32(this.number(15))])),
      () => frameBytes(this.number(18), this.number(256), streamId, this.bytes(24)),
      () => this.bytes(12),
    ];
    // What is in order comes more often.
    return this.number(3) === 0 ? this.one(make)() : this.one(make.slice(0, 10))();
  }
}

test('frames of chance from an endpoint leave nothing behind', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const dice = new FrameDice(seededRandom(seed));
  let isSane = false;
  const serve = async (connection: Http2OriginConnection): Promise<void> => {
    if (isSane) return await answerAll(connection);
    const open: number[] = [];
    for (;;) {
      open.push((await connection.requested()).streamId);
      for (let frames = dice.number(6); frames >= 0; frames--) void connection.send(dice.frame(open));
      if (dice.number(20) === 0) connection.socket.destroy();
    }
  };
  const origin = await startHttp2Origin(t, serve);
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    endpoints: ['${origin.address}']
    protocol: http2
    eject: { after: 0 }
    timeouts: { connect: 2s, first-byte: 200ms, idle: 200ms }
    pool: { ping-timeout: 200ms }
    retry: { attempts: 2, budget: 100%, same-endpoint: true }
`,
  );
  const requests = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
    'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ];
  const rounds = fuzzRounds(60);
  for (let round = 0; round < rounds; round++) {
    // Whatever the answer is, there is an end to each.
    await Promise.all(
      Array.from({ length: WIDTH }, () => exchange(t, gateway.port(), dice.one(requests)).catch(() => undefined)),
    );
  }
  const records = await gateway.untilRecords(rounds * WIDTH);
  assert.deepEqual(
    records.filter(({ error }) => error === 'proxy_internal_error'),
    [],
  );
  isSane = true;
  for (const { socket } of origin.connections) socket.destroy();
  const metric = (name: string) => `tidegate_endpoint_${name}{upstream="app",endpoint="${origin.address}"}`;
  while ((await gateway.metric(metric('connections_active'))) > 0) await new Promise((r) => setTimeout(r, 20));
  for (let i = 0; i < 10; i++)
    assert.equal((await exchange(t, gateway.port(), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal(await gateway.metric(metric('streams_active')), 0);
  assert.equal(await gateway.metric(metric('connections_active')), 1);
  assert.equal(await gateway.metric('tidegate_upstream_in_flight{upstream="app"}'), 0);
});
