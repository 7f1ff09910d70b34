// RFC 7541 through a gateway that speaks HTTP/2 on both sides: fields that their sender forbids to index go on in that form.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startTidegate } from '../support/gateway.ts';
import { ask, connectNode } from '../support/node-http2.ts';

/** Names of fields that came in the form that forbids to index them. */
function forbidden(fields: IncomingHttpHeaders | undefined): readonly string[] {
  return fields?.[http2.sensitiveHeaders as unknown as string] as unknown as readonly string[];
}

interface Seen {
  readonly heads: IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders[];
}

/** The port of a gateway before an endpoint that sends in that form, in each section, the second one of two fields. */
async function start(t: TestContext, seen: Seen): Promise<number> {
  const server = http2.createServer();
  server.on('session', (session) => void t.after(() => session.destroy()));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    seen.heads.push(headers);
    stream.on('trailers', (fields) => seen.trailers.push(fields));
    stream.additionalHeaders({
      ':status': 103,
      'x-open': '1',
      'x-secret': '2',
      [http2.sensitiveHeaders]: ['x-secret'],
    });
    const fields = { ':status': 200, 'x-open': '3', 'x-secret': '4', [http2.sensitiveHeaders]: ['x-secret'] };
    stream.respond(fields, { waitForTrailers: true });
    const trailers = { 't-open': '5', 't-secret': '6', [http2.sensitiveHeaders]: ['t-secret'] };
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.resume();
    stream.on('end', () => stream.end('content'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const gateway = await startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:${port}'], protocol: http2 } }
`,
  );
  return gateway.port();
}

// RFC 7541 6.2.3: "Intermediaries MUST use the same representation for encoding this header field."

test('RFC 7541 6.2.3: what a client forbids to index is not indexed on the way to the endpoint', async (t) => {
  const seen: Seen = { heads: [], trailers: [] };
  const session = await connectNode(t, await start(t, seen));
  const request = {
    ':method': 'POST',
    ':path': '/?key=secret',
    'x-open': '1',
    'x-secret': '2',
    [http2.sensitiveHeaders]: [':path', 'x-secret'],
  };
  const trailers = { 't-open': '3', 't-secret': '4', [http2.sensitiveHeaders]: ['t-secret'] };
  for (let asked = 0; asked < 2; asked++) {
    assert.equal((await ask(session, request, 'content', trailers)).status, 200);
    const { [asked]: head } = seen.heads;
    assert.deepEqual([head?.[':path'], head?.['x-open'], head?.['x-secret']], ['/?key=secret', '1', '2']);
    assert.deepEqual(forbidden(head), [':path', 'x-secret']);
    const { [asked]: trailer } = seen.trailers;
    assert.deepEqual([trailer?.['t-open'], trailer?.['t-secret']], ['3', '4']);
    assert.deepEqual(forbidden(trailer), ['t-secret']);
  }
});

test('RFC 7541 6.2.3: what an endpoint forbids to index is not indexed on the way to the client', async (t) => {
  const session = await connectNode(t, await start(t, { heads: [], trailers: [] }));
  for (let asked = 0; asked < 2; asked++) {
    const { informational, headers, trailers } = await ask(session, '/');
    assert.deepEqual([informational[0]?.['x-open'], informational[0]?.['x-secret']], ['1', '2']);
    assert.deepEqual(forbidden(informational[0]), ['x-secret']);
    assert.deepEqual([headers['x-open'], headers['x-secret']], ['3', '4']);
    assert.deepEqual(forbidden(headers), ['x-secret']);
    assert.deepEqual([trailers['t-open'], trailers['t-secret']], ['5', '6']);
    assert.deepEqual(forbidden(trailers), ['t-secret']);
  }
});
