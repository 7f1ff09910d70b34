// RFC 9113 8.1.1 and 8.2.1: a malformed request is told why by an answer, as far as there still can be one, and its stream is reset all the
// same. What is malformed is in http2-message-breaches.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import type { FieldPair } from '../support/hpack.ts';
import { connectHttp2, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME, type Frame, SETTING } from '../support/http2-frames.ts';
import { SessionPeer } from '../support/http2-session.ts';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
shared.answer = () => ok();

const POST: FieldPair = [':method', 'POST'];
const MALFORMED: FieldPair = ['X-Upper', '1'];

interface Refused {
  readonly status: number | undefined;
  readonly fields: ReadonlyMap<string, string>;
  readonly content: string;
  readonly code: string;
  readonly hasEnded: boolean;
}

/** All that comes on a stream up to its reset. */
async function refusedOn(client: RawHttp2Client, streamId: number): Promise<Refused> {
  const frames: Frame[] = [];
  const code = await client.reset(streamId);
  for (let at = 0; at < client.frames.length; ) {
    const [frame] = client.frames[at]?.streamId === streamId ? client.frames.splice(at, 1) : [];
    if (frame) frames.push(frame);
    else at++;
  }
  const fields = new Map(frames.find(({ type }) => type === FRAME.headers)?.fields ?? []);
  const status = fields.get(':status');
  return {
    status: status === undefined ? undefined : Number(status),
    fields,
    content: frames.map(({ type, payload }) => (type === FRAME.data ? payload.toString('latin1') : '')).join(''),
    code,
    hasEnded: frames.some(({ flags }) => (flags & FLAG.endStream) !== 0),
  };
}

test('RFC 9113 8.2.1: a malformed request is answered 400 as other refusals are, and its stream is then reset', async (t) => {
  const recorded = shared.gateway.output.length;
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open();
  void client.headers(1, [...requestFields(), MALFORMED], FLAG.endStream);
  const { status, fields, content, code, hasEnded } = await refusedOn(client, 1);
  assert.deepEqual([status, code, hasEnded], [400, 'PROTOCOL_ERROR', false]);
  assert.equal(fields.get('content-length'), `${content.length}`);
  assert.equal(fields.get('content-type'), 'application/problem+json');
  assert.match(fields.get('proxy-status') ?? '', /error=http_request_error/);
  assert.ok(fields.has('date'));
  assert.equal(JSON.parse(content).code, 'http_request_error');
  const record = (await shared.gateway.untilRecords(recorded + 1)).at(-1);
  assert.deepEqual(
    [record?.status, record?.error, record?.reason, record?.bytes_sent],
    [400, 'http_request_error', 'a field name or value that is not allowed', content.length],
  );
  void client.request(3, '/');
  assert.equal((await client.response(3)).status, 200);
});

test('RFC 9110 9.3.2: the answer to a malformed HEAD has no content', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open();
  void client.headers(1, [...requestFields([[':method', 'HEAD']]), MALFORMED], FLAG.endStream);
  const { status, content, code } = await refusedOn(client, 1);
  assert.deepEqual([status, content, code], [400, '', 'PROTOCOL_ERROR']);
});

test('RFC 9113 8.2.1: a malformed request that leaves no window is answered by a head alone', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open([[SETTING.initialWindowSize, 0]]);
  void client.headers(1, [...requestFields(), MALFORMED], FLAG.endStream);
  const { status, content, code } = await refusedOn(client, 1);
  assert.deepEqual([status, content, code], [400, '', 'PROTOCOL_ERROR']);
});

for (const [what, send] of [
  ['malformed trailers', (client) => client.headers(1, [MALFORMED], FLAG.endStream)],
  ['more content than announced', (client) => client.data(1, '12345')],
  ['less content than announced', (client) => client.data(1, '1', FLAG.endStream)],
] satisfies [string, (client: RawHttp2Client) => unknown][]) {
  test(`RFC 9113 8.1.1: ${what} are answered 400 before the response, and reset the stream`, async (t) => {
    const recorded = shared.gateway.output.length;
    const client = await connectHttp2(t, shared.gateway.port());
    await client.open();
    void client.headers(1, [...requestFields([POST], [[':path', '/hold']]), ['content-length', '4']]);
    send(client);
    const { status, content, code, hasEnded } = await refusedOn(client, 1);
    assert.deepEqual([status, code, hasEnded], [400, 'PROTOCOL_ERROR', false]);
    assert.equal(JSON.parse(content).code, 'http_request_error');
    const record = (await shared.gateway.untilRecords(recorded + 1)).at(-1);
    assert.deepEqual([record?.status, record?.error, record?.bytes_sent], [400, 'http_request_error', content.length]);
  });
}

test('RFC 9113 8.1.1: malformed trailers behind the beginning of a response reset the stream, and say nothing', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open();
  void client.headers(1, [...requestFields([POST], [[':path', '/begun']])]);
  shared.origin.onHead = (head, { socket }) => {
    if (head.includes('/begun')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart');
  };
  const { payload } = await client.next(({ type }) => type === FRAME.data);
  assert.equal(payload.toString(), 'part');
  shared.origin.onHead = undefined;
  void client.headers(1, [MALFORMED], FLAG.endStream);
  const { status, content, code, hasEnded } = await refusedOn(client, 1);
  assert.deepEqual([status, content, code, hasEnded], [200, '', 'PROTOCOL_ERROR', false]);
});

test('what comes behind the head of malformed requests takes no room of the connection', async (t) => {
  const client = await connectHttp2(t, shared.gateway.port());
  await client.open();
  const content = Buffer.alloc(16_384);
  // Three times what the connection has room for.
  for (let id = 1; id < 100; id += 2) {
    void client.headers(id, [...requestFields([POST]), MALFORMED]);
    for (let frames = 0; frames < 4; frames++) void client.data(id, content);
  }
  for (let id = 1; id < 100; id += 2) assert.equal(await client.reset(id), 'PROTOCOL_ERROR');
  void client.request(101, '/', { body: content });
  assert.equal((await client.response(101)).status, 200);
});

test('RFC 9113 10.5: a connection of which every other request is malformed goes on', () => {
  const peer = SessionPeer.opened();
  for (let id = 1; id < 8000; id += 4) {
    peer.request(id, '/');
    peer.respond(id);
    peer.headers(id + 2, [...requestFields(), MALFORMED], FLAG.endStream);
    peer.time += 10;
  }
  assert.equal(peer.failure, undefined);
  assert.equal(peer.of(FRAME.rstStream).length, 2000);
});

test('RFC 9113 10.5: a connection of which all requests are malformed is ended, however slow they come', () => {
  const peer = SessionPeer.opened();
  for (let id = 1; !peer.session.over && id < 1000; id += 2) {
    peer.headers(id, [...requestFields(), MALFORMED], FLAG.endStream);
    peer.time += 40;
  }
  assert.equal(peer.failure?.kind, 'malformed-flood');
  assert.ok(peer.of(FRAME.data).length <= 201);
});
