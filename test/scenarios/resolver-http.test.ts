// The HTTP client of resolvers against real sockets: bounds, deadlines, streams that end, TLS with files that are replaced.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '#lib/log.ts';
import { HttpClient, serverUrl } from '#resolvers/http-client.ts';
import { kubernetesResolver } from '#resolvers/kubernetes.ts';
import { hurry, runResolver } from '#resolvers/testing.ts';
import { s } from '#schema/blocks.ts';
import { type Answers, ApiServer, json, startApi } from '../support/api-server.ts';
import { createAuthority } from '../support/certificates.ts';

const host = {
  log: silentLog,
  now: () => process.uptime() * 1000,
  random: () => 0.5,
  setTimer(callback: () => void, delayMs: number) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const PART = 'x'.repeat(1024 * 1024);

async function connect(t: TestContext, answer: Answers) {
  const server = await startApi(t, answer);
  return new HttpClient(host, server.url);
}

function request(timeoutMs = 10_000, signal = new AbortController().signal) {
  return { target: '/', timeoutMs, signal };
}

async function collect(stream: AsyncIterable<readonly string[]>): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of stream) lines.push(...batch);
  return lines;
}

test('an answer larger than 16 MiB is not read to its end', async (t) => {
  let written = 0;
  const client = await connect(t, (_asked, response) => {
    const more = () => {
      while (!response.closed && written < 64 && response.write(PART)) written++;
      if (!response.closed && written < 64) response.once('drain', more);
    };
    more();
  });
  await assert.rejects(client.ask(request()), /larger than 16 MiB/);
  assert.ok(written < 64, `${written} MiB were read`);
});

test('a line larger than 16 MiB ends a stream', async (t) => {
  const client = await connect(t, (_asked, response) => {
    for (let i = 0; i < 17; i++) response.write(PART);
  });
  const stream = await client.stream(request(), 60_000);
  await assert.rejects(collect(stream), /a line of the answer is larger than 16 MiB/);
});

test('lines are put together, however they are cut', async (t) => {
  const client = await connect(t, async (_asked, response) => {
    const bytes = Buffer.from('one\ntwö\n\n\nthree\nrest');
    for (let at = 0; at < bytes.length; at++) {
      response.write(bytes.subarray(at, at + 1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  assert.deepEqual(await collect(await client.stream(request(), 60_000)), ['one', 'twö', 'three']);
});

test('a stream ends without an error when its life is over, and with one when it breaks or is stopped', async (t) => {
  const client = await connect(t, (_asked, response) => void response.write('one\n'));
  assert.deepEqual(await collect(await client.stream(request(), 100)), ['one']);
  const stop = new AbortController();
  const stopped = await client.stream(request(10_000, stop.signal), 60_000);
  const end = assert.rejects(collect(stopped));
  stop.abort();
  await end;
  const breaking = await connect(t, (_asked, response) => {
    response.write('one\n', () => response.destroy());
  });
  await assert.rejects(collect(await breaking.stream(request(), 60_000)));
});

test('a stream that nobody reads on is closed, also before its first line', async (t) => {
  let closed = 0;
  const client = await connect(t, (_asked, response) => {
    response.once('close', () => closed++);
    response.flushHeaders();
  });
  await assert.rejects(async () => {
    for await (const _batch of await client.stream(request(), 60_000)) throw new Error('no more');
  }, /no more/);
  while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('a deadline ends what does not come, whole answers and heads of streams', async (t) => {
  const silent = await connect(t, () => undefined);
  await assert.rejects(silent.ask(request(50)), /no answer in time/);
  await assert.rejects(silent.stream(request(50), 60_000), /no answer in time/);
  const slow = await connect(t, (_asked, response) => void response.write('half'));
  await assert.rejects(slow.ask(request(50)), /no answer in time/);
});

test('what is not as expected is said: a status with its content, a form with the place', async (t) => {
  const refusing = await connect(t, (_asked, response) => response.writeHead(503).end('  not now\n'));
  await assert.rejects(refusing.stream(request(), 60_000), /^StatusError: status 503: not now$/);
  const client = await connect(t, (_asked, response) => json(response, { list: [{ port: 'x' }] }));
  const form = s.part({ list: s.array(s.part({ port: s.integer({ min: 1, max: 9 }) })) });
  await assert.rejects(client.askJson(form, request()), /the answer is not as expected: list\.0\.port: /);
});

test('the path of the server stands before the target', async (t) => {
  const server = await startApi(t, ({ path, query }, response) => json(response, { path, q: query.get('q') }));
  const client = new HttpClient(host, `${server.url}/base/`);
  const { text } = await client.ask({ ...request(), target: '/a?q=1' });
  assert.deepEqual(JSON.parse(text), { path: '/base/a', q: '1' });
});

for (const url of ['a', 'ftp://a', 'http://me:word@a']) {
  test(`${url} is refused as a URL`, () => {
    assert.equal(serverUrl().safeParse(url).success, false);
  });
}

test('within a cluster the API server is found, and trusted by an authority whose file may be replaced', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const authority = createAuthority();
  const server = new ApiServer(
    ({ query }, response) => {
      if (query.has('watch')) return;
      json(response, {
        metadata: { resourceVersion: '1' },
        items: [
          {
            metadata: { name: 'a', resourceVersion: '1' },
            addressType: 'IPv4',
            endpoints: [{ addresses: ['10.0.0.1'] }],
            ports: [{ port: 80 }],
          },
        ],
      });
    },
    authority.issue({ names: ['127.0.0.1'] }),
  );
  await server.listen();
  t.after(() => server.stop());
  const ca = join(folder, 'ca.crt');
  await writeFile(ca, createAuthority('Others').cert);
  await writeFile(join(folder, 'token'), 'secret');
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  Object.assign(process.env, {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: new URL(server.url).port,
  });
  const { answers, warnings, until } = runResolver(
    t,
    kubernetesResolver,
    { service: 'cart', namespace: 'shop', 'token-file': join(folder, 'token'), tls: { ca } },
    hurry(10_000),
  );
  await until(() => warnings.length === 1);
  assert.match(warnings[0] ?? '', /certificate|issuer/);
  assert.equal(server.requests.length, 0);
  await writeFile(ca, authority.cert);
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.0.0.1:80');
  assert.equal(server.requests[0]?.headers.authorization, 'Bearer secret');
});

test('a server that switches protocols, which nobody asked for, is a failure', async (t) => {
  const client = await connect(t, (_asked, response) => {
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n');
  });
  await assert.rejects(client.ask(request()), /the server gave no response/);
});
