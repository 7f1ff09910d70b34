// What a browser does over HTTP/2: a page with many resources, uploads, events, WebSockets, downloads; navigations that are cancelled, and
// a connection that the gateway ends in the middle of all this.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type WebSocket, WebSocketServer } from 'ws';
import { openPage } from '../support/browser.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { missing } from '../support/peers.ts';
import { authority, certificateFiles } from '../support/tls.ts';

const files = certificateFiles({ site: authority.issue({ names: ['localhost', '127.0.0.1'] }) });
const IMAGES = 60;
const DOWNLOAD_BYTES = 8 * 1024 * 1024;
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const PAGE = `<!doctype html><title>page</title>${Array.from({ length: IMAGES }, (_, i) => `<img src="/pixel/${i}">`).join('')}`;

interface Site {
  readonly gateway: TestGateway;
  readonly page: Page;
  readonly base: string;
  /** Resolves when a request for `/never` has been given up. */
  readonly cancelled: Promise<void>;
}

/** A site behind a gateway, and a browser that has loaded its page. */
async function openSite(t: TestContext, options = ''): Promise<Site> {
  const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/') response.setHeader('content-type', 'text/html').end(PAGE);
    else if (path.startsWith('/pixel/')) response.setHeader('content-type', 'image/gif').end(PIXEL);
    else if (path === '/download') response.end(Buffer.alloc(DOWNLOAD_BYTES, 'tidegate'));
    else if (path === '/never') {
      response.on('close', cancel);
      response.writeHead(200, { 'content-type': 'text/html' }).write('<p>begun');
    } else if (path === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      setImmediate(() => response.write('data: two\n\n'));
    } else {
      let size = 0;
      request.on('data', (bytes: Buffer) => (size += bytes.length));
      request.on('end', () => response.end(`${size} ${request.headers.via}`));
    }
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket) => socket.on('message', (message) => socket.send(`echo ${message}`)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    sockets.close();
    server.close();
    server.closeAllConnections();
  });
  const gateway = await startTidegate(
    t,
    `
listeners:
  web:
    address: '127.0.0.1:0'
    tls: { certificates: [{ cert: site.pem, key: site.key }] }
    ${options}
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:${(server.address() as AddressInfo).port}'] } }
`,
    { files },
  );
  const base = `https://127.0.0.1:${gateway.port()}`;
  const page = await openPage(t, `${base}/`, ['--ignore-certificate-errors']);
  return { gateway, page, base, cancelled };
}

/** In the page: asks for so many things at a time, again and again; returns what went wrong. */
async function askOften([rounds, width]: readonly [number, number]): Promise<readonly string[]> {
  const failures: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const asked = Array.from({ length: width }, async (_, i) => {
      const response = await fetch(`/ask/${round}/${i}`, { method: 'POST', body: 'x'.repeat(1000), cache: 'no-store' });
      const text = await response.text();
      if (!response.ok || !text.startsWith('1000 ')) failures.push(`${response.status} ${text}`);
    });
    for (const outcome of await Promise.allSettled(asked))
      if (outcome.status === 'rejected') failures.push(String(outcome.reason));
  }
  return failures;
}

interface Loaded {
  readonly protocols: readonly string[];
  readonly images: number;
}

// As text, since what browsers alone have is not known here.
const LOADED = `({
  protocols: performance.getEntriesByType('resource').map(({ nextHopProtocol }) => nextHopProtocol),
  images: [...document.images].filter(({ complete, naturalWidth }) => complete && naturalWidth === 1).length,
})`;
const EVERYTHING = `Promise.all([
  fetch('/upload', { method: 'PUT', body: new Uint8Array(3_000_000) }).then((got) => got.text()),
  fetch('/download').then((got) => got.arrayBuffer()).then(({ byteLength }) => byteLength),
  new Promise((resolve) => {
    const source = new EventSource('/events');
    const seen = [];
    source.onmessage = ({ data }) => {
      if (seen.push(data) < 2) return;
      source.close();
      resolve(seen.join(' '));
    };
  }),
  new Promise((resolve, reject) => {
    const socket = new WebSocket(location.href.replace('https', 'wss'));
    socket.onerror = () => reject(new Error('the WebSocket failed'));
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
      socket.close();
      resolve(data);
    };
  }),
])`;

const chromium = { skip: missing('chromium') };

test('a page with many resources is loaded over HTTP/2', chromium, async (t) => {
  const { gateway, page } = await openSite(t);
  const loaded = await page.evaluate<Loaded>(LOADED);
  assert.equal(loaded.images, IMAGES);
  assert.deepEqual(new Set(loaded.protocols), new Set(['h2']));
  const records = await gateway.untilRecords(IMAGES + 1);
  assert.deepEqual(new Set(records.map(({ version }) => version)), new Set(['2']));
});

test('uploads, downloads, events and WebSockets go over HTTP/2', chromium, async (t) => {
  const { gateway, page } = await openSite(t);
  const told = await page.evaluate<unknown>(EVERYTHING);
  assert.deepEqual(told, ['3000000 2 tidegate', DOWNLOAD_BYTES, 'one two', 'echo hello']);
  const versions = await gateway.until(() => {
    const found = gateway.records.filter(({ path, closed_by }) => path === '/' && closed_by !== undefined);
    return found.length > 0 ? found.map(({ version }) => version) : undefined;
  });
  assert.deepEqual(versions, ['2']);
});

test('a navigation that is cancelled ends the request at the origin, and the page goes on', chromium, async (t) => {
  const { gateway, page, cancelled } = await openSite(t);
  await page.evaluate(async () => {
    const leaving = new AbortController();
    const response = await fetch('/never', { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
  });
  await gateway.until(() => gateway.records.find(({ path, error }) => path === '/never' && error === 'client-closed'));
  await cancelled;
  assert.deepEqual(await page.evaluate(askOften, [2, 10] as const), []);
});

test('connections that end after some requests are replaced without a failed one', chromium, async (t) => {
  const { gateway, page } = await openSite(t, 'limits: { requests: 15 }');
  // One at a time: a request that Chromium has given to a connection, and not begun when GOAWAY comes, it fails by itself.
  assert.deepEqual(await page.evaluate(askOften, [100, 1] as const), []);
  assert.ok((await gateway.metric('tidegate_listener_connections_total{listener="web"}')) > 5);
});
