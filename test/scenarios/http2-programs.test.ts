// HTTP/2 with the programs that people have at hand: curl, nghttp and h2load before the gateway, in the clear and over TLS.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { type Origin, ok, startOrigin } from '../support/origin.ts';
import { missing } from '../support/peers.ts';
import { authority, certificateFiles, run } from '../support/tls.ts';

const files = certificateFiles({ site: authority.issue({ names: ['localhost', '127.0.0.1'] }) });

const configuration = ({ address }: Origin) => `
listeners:
  plain: { address: '127.0.0.1:0', limits: { head: 64KiB } }
  secure: { address: '127.0.0.1:0', tls: { certificates: [{ cert: site.pem, key: site.key }] } }
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${address}'] } }
`;

interface Started {
  readonly origin: Origin;
  readonly gateway: TestGateway;
  readonly plain: string;
  readonly secure: string;
  /** Writes a file and returns its path. */
  file(name: string, text: string | Buffer): Promise<string>;
}

async function start(t: TestContext, origin: Origin): Promise<Started> {
  const gateway = await startTidegate(t, configuration(origin), { files });
  return {
    origin,
    gateway,
    plain: `http://127.0.0.1:${gateway.port('plain')}`,
    secure: `https://127.0.0.1:${gateway.port('secure')}`,
    async file(name, text) {
      const path = join(dirname(gateway.file), name);
      await writeFile(path, text);
      return path;
    },
  };
}

const UPLOAD = Buffer.alloc(3_000_000, 'abcdefghijklmnopqrstuvwxyz0123456789');

const curl = { skip: missing('curl') };
const nghttp = { skip: missing('nghttp') };

test('curl speaks HTTP/2 by HTTPS, and origin and access record are told so', curl, async (t) => {
  const { origin, gateway, secure, file } = await start(t, await startOrigin(t, () => ok('hello')));
  const ca = await file('ca.pem', authority.cert);
  const output = await run('curl', ['-s', '--cacert', ca, '-w', ' %{http_version} %{http_code}', `${secure}/a?b=c`]);
  assert.equal(output, 'hello 2 200');
  const request = origin.last;
  assert.equal(request.start, 'GET /a?b=c HTTP/1.1');
  assert.equal(request.field('host'), secure.slice('https://'.length));
  assert.equal(request.field('via'), '2 tidegate');
  assert.equal(request.field('x-forwarded-proto'), 'https');
  assert.equal(request.field('x-forwarded-host'), secure.slice('https://'.length));
  const [record] = await gateway.untilRecords(1);
  assert.deepEqual([record?.version, record?.status, record?.bytes_sent], ['2', 200, 5]);
});

test('curl uploads and downloads by HTTP/2 with prior knowledge, byte for byte', curl, async (t) => {
  const { origin, plain, file } = await start(t, await startOrigin(t, ({ body }) => ok(body)));
  const args = ['-s', '--http2-prior-knowledge', '--data-binary', `@${await file('upload', UPLOAD)}`];
  const output = await run('curl', [...args, `${plain}/upload`]);
  assert.ok(output === UPLOAD.toString('latin1'));
  assert.equal(origin.last.field('content-length'), String(UPLOAD.length));
});

test('curl that offers an upgrade to h2c is answered by HTTP/1.1, and the offer goes no further', curl, async (t) => {
  const { origin, plain } = await start(t, await startOrigin(t, () => ok('hello')));
  assert.equal(await run('curl', ['-s', '--http2', '-w', ' %{http_version}', plain]), 'hello 1.1');
  assert.deepEqual([origin.last.field('upgrade'), origin.last.field('http2-settings')], [undefined, undefined]);
});

test('curl asks for many things at a time on one connection', curl, async (t) => {
  const { gateway, secure, file } = await start(t, await startOrigin(t, ({ target }) => ok(`${target}\n`)));
  const ca = await file('ca.pem', authority.cert);
  const args = ['-s', '--cacert', ca, '--parallel', '--parallel-max', '50', '-w', '%{num_connects} connects\n'];
  const output = await run('curl', [...args, `${secure}/[1-60]`]);
  const paths = output.match(/\/\d+$/gm) ?? [];
  assert.deepEqual(new Set(paths), new Set(Array.from({ length: 60 }, (_, i) => `/${i + 1}`)));
  assert.equal(await gateway.metric('tidegate_listener_connections_total{listener="secure"}'), 1);
});

test('curl gets the head alone, and no content with 204 and 304', curl, async (t) => {
  const { plain } = await start(
    t,
    await startOrigin(t, ({ target, method }) => {
      if (target === '/none') return 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n';
      if (target === '/same') return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n';
      return method === 'HEAD' ? ok('hello').slice(0, -5) : ok('hello');
    }),
  );
  const fetched = async (...args: string[]) => {
    const text = await run('curl', ['-si', '--http2-prior-knowledge', ...args]);
    return text.replace(/^(?:date|via): .*\r\n/gim, '').split('\r\n');
  };
  assert.deepEqual(await fetched('-I', `${plain}/a`), ['HTTP/2 200 ', 'content-length: 5', '', '']);
  assert.deepEqual(await fetched(`${plain}/none`), ['HTTP/2 204 ', 'x-a: 1', '', '']);
  assert.deepEqual(await fetched(`${plain}/same`), ['HTTP/2 304 ', 'etag: "a"', 'content-length: 5', '', '']);
});

test('nghttp uploads with trailers, and padding around all it sends', nghttp, async (t) => {
  const { origin, plain, file } = await start(t, await startOrigin(t, ({ body }) => ok(String(body.length))));
  const upload = await file('upload', UPLOAD);
  const args = ['-d', upload, '--no-content-length', '--trailer', 'x-checksum: 12', '--padding=255'];
  assert.equal(await run('nghttp', [...args, `${plain}/up`]), String(UPLOAD.length));
  assert.ok(origin.last.body === UPLOAD.toString('latin1'));
  assert.deepEqual(origin.last.trailers, [['x-checksum', '12']]);
});

test('nghttp uploads content of unknown length', nghttp, async (t) => {
  const { origin, plain, file } = await start(t, await startOrigin(t, ({ body }) => ok(String(body.length))));
  const args = ['-d', await file('upload', UPLOAD), '--no-content-length'];
  assert.equal(await run('nghttp', [...args, `${plain}/up`]), String(UPLOAD.length));
  assert.equal(origin.last.field('content-length'), undefined);
  assert.equal(origin.last.field('transfer-encoding'), 'chunked');
});

test('nghttp that waits for 100 (Continue) gets it from the origin', nghttp, async (t) => {
  const origin = await startOrigin(t, ({ body }) => ok(body));
  origin.onHead = (head, { socket }) => {
    if (/^expect: 100-continue\r$/im.test(head)) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
  };
  const { plain, file } = await start(t, origin);
  const output = await run('nghttp', ['-v', '--expect-continue', '-d', await file('upload', 'content'), `${plain}/`]);
  assert.match(output, /:status: 100(?:.|\n)*DATA frame(?:.|\n)*:status: 200(?:.|\n)*content/);
});

test('nghttp sends a head of several frames, and changes the size of its table', nghttp, async (t) => {
  const { origin, plain } = await start(t, await startOrigin(t, () => ok('hello')));
  const args = ['--continuation', '-c', '0', '-c', '4096', '-m', '3', '-H', 'x-own: 1'];
  assert.equal(await run('nghttp', [...args, `${plain}/`]), 'hello'.repeat(3));
  assert.equal(origin.last.field('x-own'), '1');
  // What nghttp makes for its --continuation.
  assert.ok((origin.last.field('continuation-test-1') ?? '').length > 4000);
});

test('nghttp with more requests than streams are allowed gets all answers', nghttp, async (t) => {
  const { plain } = await start(t, await startOrigin(t, () => ok('hello\n')));
  const output = await run('nghttp', ['-m', '400', '-s', '--no-rfc7540-pri', `${plain}/`]);
  assert.equal(output.match(/^hello$/gm)?.length, 400);
  assert.equal(output.match(/ 200 .* \/$/gm)?.length, 400);
});

test('nghttp with windows of one octet gets the content whole', nghttp, async (t) => {
  const { plain } = await start(t, await startOrigin(t, () => ok('0123456789'.repeat(30))));
  assert.equal(await run('nghttp', ['-w', '1', '-W', '16', `${plain}/`]), '0123456789'.repeat(30));
});

test('h2load finishes all its requests on many streams of a few connections', {
  skip: missing('h2load'),
}, async (t) => {
  const { gateway, plain, secure } = await start(t, await startOrigin(t, () => ok('hello')));
  for (const url of [plain, secure]) {
    const output = await run('h2load', ['-n', '1000', '-c', '4', '-m', '40', `${url}/`]);
    assert.match(output, /requests: 1000 total, 1000 started, 1000 done, 1000 succeeded, 0 failed, 0 errored/);
  }
  await gateway.untilRecords(2000);
  assert.deepEqual(new Set(gateway.records.map(({ status }) => status)), new Set([200]));
});

test('curl shows why a malformed request is refused, and takes it for an answer', curl, async (t) => {
  const { plain } = await start(t, await startOrigin(t));
  const args = ['-s', '--http2-prior-knowledge', '-w', ' %{http_code}', '--request-target', 'no-path'];
  const [content, status] = (await run('curl', [...args, plain])).split('\n ');
  assert.equal(status, '400');
  assert.equal(JSON.parse(content ?? '').code, 'http_request_error');
});

test('nghttp shows why a malformed request is refused, and that its stream is reset', nghttp, async (t) => {
  const { plain } = await start(t, await startOrigin(t));
  const output = await run('nghttp', ['-v', '-H', 'te: gzip', `${plain}/`]);
  assert.match(output, /:status: 400/);
  assert.match(output, /"code":"http_request_error"/);
  assert.match(output, /recv RST_STREAM frame.*\s+\(error_code=PROTOCOL_ERROR/);
});
