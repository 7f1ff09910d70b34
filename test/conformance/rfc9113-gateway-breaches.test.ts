// RFC 9113 4 to 8 through a gateway: every breach costs a client its stream or its connection, is counted, reaches no endpoint, and is
// nothing to other clients.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FrameSender } from '../support/frame-sender.ts';
import { requestFields } from '../support/frame-sender.ts';
import { type Breach, titleOf } from '../support/http2-breach.ts';
import { connectHttp2, connectHttp2To, type RawHttp2Client } from '../support/http2-client.ts';
import { FRAME_BREACHES } from '../support/http2-frame-breaches.ts';
import { FLAG } from '../support/http2-frames.ts';
import { MESSAGE_BREACHES } from '../support/http2-message-breaches.ts';
import { STREAM_BREACHES } from '../support/http2-stream-breaches.ts';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
shared.answer = ({ target, body }) => (target === '/hold' ? undefined : ok(body));

/** A client that does nothing wrong, on a connection of its own; made when needed. */
let other: RawHttp2Client | undefined;
let nextStream = 1;

after(() => other?.socket.destroy());

async function assertOtherIsServed(): Promise<void> {
  if (!other) {
    other = await connectHttp2To(shared.gateway.port());
    await other.open();
  }
  void other.request(nextStream, '/');
  assert.equal((await other.response(nextStream)).status, 200);
  nextStream += 2;
}

const countOf = ({ code, kind = code }: Breach) =>
  shared.gateway.metric(`tidegate_http2_breaches_total{kind="${kind}"}`);

/** What is wrong behind the head may be found out when that has been forwarded (RFC 9113 8.1.1). */
const isFoundAtOnce = (breach: Breach) =>
  MESSAGE_BREACHES.includes(breach) &&
  !/^RFC 9113 8\.1(?:\.1)?$/.test(breach.clause) &&
  !breach.what.startsWith('trailers');

/** Requests that the origin has had for stream 3, which the breaches are about, of the client with that address. */
const heldOf = (client: string) =>
  shared.origin.requests.filter((request) => request.target === '/hold' && request.field('x-forwarded-for') === client);

// How much a stream may send depends on how fast the endpoint takes it.
const all = [...FRAME_BREACHES, ...STREAM_BREACHES, ...MESSAGE_BREACHES].filter(
  ({ what }) => what !== 'content beyond the stream window',
);

for (const [i, breach] of all.entries()) {
  // Each by an address of its own: what one has sent may arrive when the next is at work.
  const from = `127.1.${Math.floor(i / 250)}.${1 + (i % 250)}`;
  test(titleOf(breach), async (t) => {
    const counted = await countOf(breach);
    const client = await connectHttp2(t, shared.gateway.port(), { from });
    await client.open();
    void client.headers(1, requestFields([[':method', 'POST']]));
    breach.send(client as FrameSender<unknown>);
    if (breach.streamId === undefined) {
      assert.equal((await client.goaway()).code, breach.code);
      await client.closed();
    } else {
      assert.equal(await client.reset(breach.streamId), breach.code);
      void client.data(1, 'whole', FLAG.endStream);
      assert.equal((await client.response(1)).body.toString(), 'whole');
    }
    assert.equal(await countOf(breach), counted + 1);
    await assertOtherIsServed();
    if (isFoundAtOnce(breach)) assert.equal(heldOf(from).length, 0);
  });
}
