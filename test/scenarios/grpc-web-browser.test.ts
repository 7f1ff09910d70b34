// gRPC-Web from a page in a browser: across origins, with messages that the page reads as they come.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from '../support/browser.ts';
import { startTidegate } from '../support/gateway.ts';
import { ANSWER_HEAD, chunk, message, trailers } from '../support/grpc-bytes.ts';
import { startOrigin } from '../support/origin.ts';
import { closedPort } from '../support/ports.ts';

/** What the page says of a call: it runs in the browser, and knows nothing of this file. */
interface Told {
  readonly status: number;
  readonly type: string | null;
  readonly metadata: string | null;
  readonly grpcStatus: string | null;
  readonly parts: readonly string[];
}

/** Calls `url` as gRPC-Web clients do, and tells the origin of each part that has come before it reads on. */
async function call([url, type, read]: readonly [string, string, string]): Promise<Told> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': type, accept: type, 'x-grpc-web': '1' },
    body: new Uint8Array([0, 0, 0, 0, 2, 104, 105]),
  });
  const { status, headers } = response;
  const parts: string[] = [];
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    parts.push(String.fromCharCode(...value));
    await fetch(read, { mode: 'no-cors' });
  }
  return {
    status,
    type: headers.get('content-type'),
    metadata: headers.get('x-from'),
    grpcStatus: headers.get('grpc-status'),
    parts,
  };
}

test('a page of another origin calls, reads a stream as it comes, and sees what the gateway refuses', async (t) => {
  const port = await closedPort();
  const page = `http://127.0.0.1:${port}`;
  let reads = 0;
  const origin = await startOrigin(t, ({ method, target }) => {
    if (method === 'GET' && target === '/read') {
      // The page has the first message: it gets the second one and the end.
      if (++reads === 1) origin.connections[0]?.socket.write(`${chunk(message('two'))}${trailers(0)}`);
      return 'HTTP/1.1 204 No Content\r\n\r\n';
    }
    return ANSWER_HEAD.replace('\r\n\r\n', '\r\nX-From: origin\r\n\r\n') + chunk(message('one'));
  });
  const gateway = await startTidegate(
    t,
    `
listeners: { web: { address: '127.0.0.1:0' }, page: { address: '127.0.0.1:${port}' } }
routes:
  - { name: page, match: { path: /page }, respond: { content-type: text/html, body: '<!doctype html><title>page</title>' } }
  - { name: read, match: { path: /read }, upstream: app }
  - name: calls
    match: { path: /test.Echo/* }
    policies: [{ type: grpc-web, origins: ['${page}'] }]
    upstream: app
  - name: refused
    match: { path: /test.Refused/* }
    policies: [{ type: grpc-web, origins: ['${page}'] }, { type: access-list, allow: [192.0.2.1] }]
    upstream: app
upstreams:
  app: { endpoints: ['${origin.address}'] }
`,
  );
  const tab = await openPage(t, `${page}/page`);
  const base = `http://127.0.0.1:${gateway.port('web')}`;
  const type = 'application/grpc-web+proto';
  const told = await tab.evaluate(call, [`${base}/test.Echo/Say`, type, `${base}/read`] as const);
  assert.deepEqual([told.status, told.type, told.metadata], [200, 'application/grpc-web', 'origin']);
  assert.equal(told.parts[0], message('one'));
  assert.equal(told.parts.join(''), `${message('one')}${message('two')}\x80\0\0\0\x10grpc-status: 0\r\n`);
  const refused = await tab.evaluate(call, [`${base}/test.Refused/Say`, type, `${base}/read`] as const);
  assert.deepEqual([refused.status, refused.grpcStatus], [200, '7']);
});
