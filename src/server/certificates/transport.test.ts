// Requests of ACME and OCSP over real sockets: what bounds them, and whom they trust.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createTransport } from './transport.ts';

const NEVER = new AbortController().signal;

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('an answer comes whole with its status and fields; RFC 8555 6.1: who asks is named', async (t) => {
  let agent = '';
  const url = await serve(t, (request, response) => {
    agent = request.headers['user-agent'] ?? '';
    response.writeHead(404, { 'replay-nonce': 'n' });
    response.write('a');
    setImmediate(() => response.end('b'));
  });
  const { status, headers, body } = await createTransport()({ method: 'GET', url, signal: NEVER });
  assert.deepEqual([status, headers['replay-nonce'], body.toString()], [404, 'n', 'ab']);
  assert.match(agent, /^tidegate\/\d/);
});

test('a redirect is not followed', async (t) => {
  let count = 0;
  const url = await serve(t, (_request, response) => {
    count++;
    response.writeHead(302, { location: '/other' }).end();
  });
  assert.equal((await createTransport()({ method: 'GET', url, signal: NEVER })).status, 302);
  assert.equal(count, 1);
});

test('an answer without an end is given up at 1 MiB', async (t) => {
  const url = await serve(t, (_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  await assert.rejects(createTransport()({ method: 'GET', url, signal: NEVER }), /larger than 1 MiB/);
});

test('an abort ends a request at once', async (t) => {
  const abort = new AbortController();
  const url = await serve(t, () => abort.abort());
  await assert.rejects(createTransport()({ method: 'GET', url, signal: abort.signal }), { name: 'AbortError' });
});

test('what is neither http nor https is refused', async () => {
  for (const url of ['file:///etc/passwd', 'ftp://a.example/'])
    await assert.rejects(createTransport()({ method: 'GET', url, signal: NEVER }), /not an http or https URL/);
});
