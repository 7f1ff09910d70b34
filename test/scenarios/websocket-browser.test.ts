// WebSockets and event streams of pages in a real browser, over HTTP/1.1 and over HTTP/2: origins, compression, codes of Close frames.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openPage } from '../support/browser.ts';
import { startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { authority, certificateFiles } from '../support/tls.ts';
import { echo, startWsOrigin } from '../support/websocket.ts';

/** What a page tells of a WebSocket: it runs in the browser, and knows nothing of this file. */
interface Told {
  readonly opened: boolean;
  readonly extensions: string;
  readonly messages: readonly string[];
  readonly code: number;
  readonly wasClean: boolean;
}

/** Opens a WebSocket, sends one message after the other, each when the one before has come back, and tells how it ended. */
function converse([url, ...messages]: readonly string[]): Promise<Told> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url as string);
    const received: string[] = [];
    let opened = false;
    const sendNext = () => {
      const next = messages[received.length];
      if (next !== undefined) socket.send(next);
    };
    socket.onopen = () => {
      opened = true;
      sendNext();
    };
    socket.onmessage = ({ data }) => {
      received.push(String(data));
      sendNext();
    };
    socket.onclose = ({ code, wasClean }) =>
      resolve({ opened, extensions: socket.extensions, messages: received, code, wasClean });
  });
}

const PAGE = `{ name: page, match: { path: /page }, respond: { content-type: text/html, body: '<!doctype html><title>page</title>' } }`;

const configuration = (address: string, listener: string) => `
listeners: { web: { address: '127.0.0.1:0'${listener} } }
routes:
  - ${PAGE}
  - name: chat
    match: { path: /chat }
    policies: [{ type: websocket, origins: [same-host], max-message: 1000B, ping: { interval: 100ms, sides: client }, close-spread: 0s }]
    upstream: app
upstreams: { app: { endpoints: ['${address}'] } }
`;

for (const [what, scheme, listener, version] of [
  ['HTTP/1.1', 'http', '', '1.1'],
  ['HTTP/2', 'https', ', tls: { certificates: [{ cert: site.pem, key: site.key }] }', '2'],
] as const) {
  test(`over ${what} a page talks with its own host, compressed, and is told by code why that ends`, async (t) => {
    const origin = await startWsOrigin(t, echo, { perMessageDeflate: { threshold: 0 } });
    const files = certificateFiles({ site: authority.issue({ names: ['localhost'] }) });
    const gateway = await startTidegate(t, configuration(origin.address, listener), { files });
    const base = `${scheme}://localhost:${gateway.port()}`;
    const page = await openPage(t, `${base}/page`, ['--ignore-certificate-errors']);
    const url = `${base.replace('http', 'ws')}/chat`;
    const noise = randomBytes(3000).toString('base64');
    const tooLarge = await page.evaluate(converse, [url, 'hello', 'κόσμε', noise]);
    assert.deepEqual(tooLarge, {
      opened: true,
      extensions: 'permessage-deflate',
      messages: ['hello', 'κόσμε'],
      code: 1009,
      wasClean: true,
    });
    const records = await gateway.until(() => gateway.records.find(({ path }) => path === '/chat'));
    assert.deepEqual([records.version, records.close_code], [version, 1009]);
    const talking = page.evaluate(converse, [url, 'still here']);
    const peer = await origin.accept().then(() => origin.accept());
    assert.equal(await peer.next(), 'still here');
    await gateway.stop();
    const { code, wasClean } = await talking;
    assert.deepEqual([code, wasClean], [1001, true]);
  });
}

test('a page of another host gets no WebSocket', async (t) => {
  const origin = await startWsOrigin(t, echo);
  const gateway = await startTidegate(t, configuration(origin.address, ''));
  const other = await startTidegate(t, configuration(origin.address, ''));
  const page = await openPage(t, `http://localhost:${other.port()}/page`);
  const { opened, code } = await page.evaluate(converse, [`ws://localhost:${gateway.port()}/chat`, 'hello']);
  assert.deepEqual([opened, code], [false, 1006]);
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.status, record?.policy], [403, 'websocket']);
});

/** Reads events, each of which is asked for when the one before has come, until the last. */
function readEvents([url, ask]: readonly [string, string]): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const events: string[] = [];
    const source = new EventSource(url);
    source.onmessage = ({ data, lastEventId }) => {
      events.push(`${lastEventId} ${data}`);
      if (data === 'last') {
        source.close();
        resolve(events);
      } else {
        void fetch(ask);
      }
    };
  });
}

test('a page reads events as they come, and goes on where it was when the stream breaks off', async (t) => {
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const origin = await startOrigin(t, (request, { socket }) => {
    if (request.target === '/ask') {
      const streams = origin.requests.filter(({ target }) => target === '/events');
      const { connection } = streams.at(-1) ?? { connection: 0 };
      // The second event, and with it the connection, ends before it is whole.
      if (streams.length === 1) origin.connections[connection]?.socket.end('20\r\ndata: hal');
      return 'HTTP/1.1 204 No Content\r\n\r\n';
    }
    const last = request.field('last-event-id');
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    return chunk(
      last === undefined ? 'retry: 10\nid: 1\ndata: first\n\n' : `id: 2\ndata: behind ${last}\n\nid: 3\ndata: last\n\n`,
    );
  });
  const gateway = await startTidegate(
    t,
    `
routes: [${PAGE}, { name: all, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const base = `http://localhost:${gateway.port()}`;
  const page = await openPage(t, `${base}/page`);
  const events = await page.evaluate(readEvents, [`${base}/events`, `${base}/ask`] as const);
  assert.deepEqual(events, ['1 first', '2 behind 1', '3 last']);
});
