// RFC 9113 10.5 through a gateway: abuse ends the connection that it comes on and is counted by its name; other clients are served, and
// nothing of it is left at the endpoint.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { hpackBlock, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { connectHttp2, type RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME } from '../support/http2-frames.ts';
import { ok } from '../support/origin.ts';
import { shareGateway } from '../support/shared.ts';

const END = FLAG.endStream | FLAG.endHeaders;
const shared = shareGateway();
shared.answer = ({ target }) => (target === '/hold' ? undefined : ok());

for (const [kind, what, attack] of [
  [
    'rapid-reset',
    'streams that are reset',
    (client) => {
      for (let id = 1; id < 800; id += 2) {
        void client.request(id, '/hold');
        void client.rst(id);
      }
    },
  ],
  [
    'rapid-reset',
    'streams that the gateway is made to reset',
    (client) => {
      for (let id = 1; id < 800; id += 2) {
        void client.request(id, '/hold');
        void client.windowUpdate(id, 0);
      }
    },
  ],
  [
    'ping-flood',
    'PING',
    (client) => {
      for (let pings = 0; pings < 1500; pings++) void client.ping();
    },
  ],
  [
    'settings-flood',
    'SETTINGS',
    (client) => {
      for (let settings = 0; settings < 200; settings++) void client.settings();
    },
  ],
  [
    'continuation-flood',
    'CONTINUATION',
    (client) => {
      void client.frame(FRAME.headers, 0, 1, hpackBlock(requestFields()));
      for (let more = 0; more < 100; more++) void client.frame(FRAME.continuation, 0, 1);
    },
  ],
  [
    'header-bomb',
    'references to one large field',
    (client) => {
      const bomb = [hpackLiteral(['x-bomb', 'x'.repeat(4000)], 'kept'), ...Array(5000).fill(hpackIndexed(62))];
      void client.frame(FRAME.headers, END, 1, Buffer.concat([hpackBlock(requestFields()), ...bomb]));
    },
  ],
] satisfies [string, string, (client: RawHttp2Client) => void][]) {
  test(`a flood of ${what} ends its connection with ENHANCE_YOUR_CALM, and no other`, async (t) => {
    const name = `tidegate_http2_breaches_total{kind="${kind}"}`;
    const { gateway } = shared;
    const counted = await gateway.metric(name);
    const other = await connectHttp2(t, gateway.port());
    await other.open();
    const client = await connectHttp2(t, gateway.port());
    await client.open();
    attack(client);
    assert.equal((await client.goaway()).code, 'ENHANCE_YOUR_CALM');
    assert.equal(await gateway.metric(name), counted + 1);
    void other.request(1, '/');
    assert.equal((await other.response(1)).status, 200);
    while ((await gateway.metric('tidegate_listener_exchanges_active{listener="web"}')) > 0) {}
  });
}
