// Access logs: one record for every exchange, in the format asked for, none lost when the file is moved.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { requestFields } from '../support/frame-sender.ts';
import { proxyTo, spawnTidegate, startTidegate, type TestGateway } from '../support/gateway.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import { FLAG } from '../support/http2-frames.ts';
import { ok, startOrigin } from '../support/origin.ts';
import { connectRaw, exchange } from '../support/raw-client.ts';

const GET =
  'GET /page?x=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test/1 "quoted"\r\nReferer: http://r.example/\r\n\r\n';

test('a JSON record tells what was asked, what was answered, by whom and how long it took', async (t) => {
  const origin = await startOrigin(t, () => ok('hello'));
  const gateway = await startTidegate(t, proxyTo(origin));
  await exchange(t, gateway.port(), GET);
  const [record] = await gateway.untilRecords(1);
  assert.ok(record);
  const { time, duration_ms: duration, first_byte_ms: firstByte, ...rest } = record;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(typeof duration, 'number');
  assert.equal(typeof firstByte, 'number');
  assert.deepEqual(rest, {
    client: '127.0.0.1',
    listener: 'web',
    method: 'GET',
    host: 'example.com',
    path: '/page?x=1',
    version: '1.1',
    status: 200,
    bytes_received: 0,
    bytes_sent: 5,
    route: 'all',
    upstream: 'app',
    endpoint: origin.address,
    attempts: 1,
    referer: 'http://r.example/',
    user_agent: 'test/1 "quoted"',
  });
});

for (const [what, bytes, status, error] of [
  ['garbage', 'garbage\r\n\r\n', 400, 'http_request_error'],
  ['a TLS handshake', '\x16\x03\x01\x02\0\x01\0', 400, 'http_request_error'],
  [
    'a head that is too large',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'request-head-too-large',
  ],
  ['a refused method', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405, 'method-not-allowed'],
  ['an unknown version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'version-not-supported'],
] as const) {
  test(`${what} leaves a record with its status and its reason`, async (t) => {
    const origin = await startOrigin(t);
    const gateway = await startTidegate(t, proxyTo(origin));
    const client = await connectRaw(t, gateway.port());
    void client.send(bytes);
    await client.closed();
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.status, status);
    assert.equal(record?.error, error);
    assert.equal(record?.ended_by, 'client');
    assert.equal(record?.phase, 'request-head');
    assert.notEqual(record?.reason, '');
  });
}

test('combined is the format that other tools read', async (t) => {
  const origin = await startOrigin(t, () => ok('hello'));
  const gateway = await startTidegate(t, `logs: { access: { format: combined } }\n${proxyTo(origin)}`);
  await exchange(t, gateway.port(), GET);
  const [line] = await gateway.until(() => (gateway.output.length > 0 ? gateway.output : undefined));
  assert.match(
    line ?? '',
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/page\?x=1 HTTP\/1\.1" 200 5 "http:\/\/r\.example\/" "test\/1 \\x22quoted\\x22"$/,
  );
});

test('a template of one’s own', async (t) => {
  const origin = await startOrigin(t);
  const format = "'${request.method} ${request.path} -> ${response.status} by ${endpoint.name}'";
  const gateway = await startTidegate(t, `logs: { access: { format: ${format} } }\n${proxyTo(origin)}`);
  await exchange(t, gateway.port(), GET);
  const [line] = await gateway.until(() => (gateway.output.length > 0 ? gateway.output : undefined));
  assert.equal(line, `GET /page -> 200 by ${origin.address}`);
});

test('what a client sends cannot begin a line of its own', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, `logs: { access: { format: combined } }\n${proxyTo(origin)}`);
  await exchange(t, gateway.port(), 'GET /"x HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff"\\\t\r\n\r\n');
  const [line] = await gateway.until(() => (gateway.output.length > 0 ? gateway.output : undefined));
  assert.match(line ?? '', /"GET \/\\x22x HTTP\/1\.1" 200 2 "-" "\\xff\\x22\\x5c/);
});

for (const [what, method, filler, status] of [
  ['a quote', 'GET","status":200,"x":"', '', 400],
  ['an octet that is no UTF-8', 'G\xffT', '', 400],
  ['a quote, in a head that is too large', 'GET","status":200,"x":"', 'x'.repeat(20_000), 431],
] as const) {
  test(`a method that is none, of an HTTP/2 client, is not in the record: ${what}`, async (t) => {
    const gateway = await startTidegate(t, proxyTo(await startOrigin(t)));
    const client = await connectHttp2(t, gateway.port());
    await client.open();
    void client.headers(
      1,
      requestFields([
        [':method', method],
        ['x-filler', filler],
      ]),
      FLAG.endStream,
    );
    const [record] = await gateway.untilRecords(1);
    assert.deepEqual([record?.method, record?.status, record?.x], ['', status, undefined]);
  });
}

test('a log that cannot be opened is told with its place, and so is one that cannot be opened anew', async (t) => {
  const origin = await startOrigin(t);
  const at = (path: string) => `logs: { access: { format: json, to: '${path}' } }\n${proxyTo(origin)}`;
  const refused = await spawnTidegate(t, at('/dev/null/access.log'));
  assert.equal(await refused.exit, 69);
  assert.match(
    refused.log[0]?.msg ?? '',
    /access records cannot be written to \/dev\/null\/access\.log \(logs\.access\.to\): /,
  );

  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const gateway = await startTidegate(t, at(join(folder, 'access.log')));
  await rm(folder, { recursive: true });
  gateway.child.kill('SIGUSR1');
  const line = await gateway.untilLogged(/was not opened anew/);
  assert.match(String(line.problem), /\(logs\.access\.to\): its folder does not exist$/);
});

test('after SIGUSR1 the log goes on in a new file, and no record is lost', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(t, proxyTo(origin));
  const path = join(dirname(gateway.file), 'access.log');
  await gateway.write(`logs: { access: { format: json, to: '${path}' } }\n${proxyTo(origin)}`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation === 2);
  const client = await connectRaw(t, gateway.port());
  for (let turn = 0; turn < 5; turn++) await client.request(GET);
  await rename(path, `${path}.1`);
  gateway.child.kill('SIGUSR1');
  const exists = () =>
    readFile(path, 'utf8').then(
      () => true,
      () => false,
    );
  while (!(await exists())) await new Promise((resolve) => setTimeout(resolve, 20));
  for (let turn = 0; turn < 7; turn++) await client.request(GET);
  assert.equal(await gateway.stop(), 0);
  const lines = async (file: string) => (await readFile(file, 'utf8')).trim().split('\n').length;
  assert.equal((await lines(`${path}.1`)) + (await lines(path)), 12);
  assert.equal(await lines(path), 7);
});

/** Requests of which the records are more than a pipe holds and Node.js reads ahead. */
const MANY = 600;

const ROUTES = 'drain: { timeout: 100ms }\nroutes: [{ name: all, match: { path: /* }, respond: { body: hi } }]';

/** A gateway whose standard output nobody reads for the moment, with records for it that it does not take. */
async function startUnread(t: TestContext): Promise<TestGateway> {
  const gateway = await startTidegate(t, ROUTES);
  gateway.child.stdout?.pause();
  const client = await connectRaw(t, gateway.port());
  for (let count = 0; count < MANY; count++)
    await client.request(`GET /?${'x'.repeat(500)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return gateway;
}

/** Moves the log to a file, by a reload. */
async function moveLog(gateway: TestGateway): Promise<void> {
  const path = join(dirname(gateway.file), 'access.log');
  await gateway.write(`logs: { access: { format: json, to: '${path}' } }\n${ROUTES}`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation === 2);
}

for (const [what, prepare] of [
  ['a gateway whose records nobody reads', async () => undefined],
  ['a gateway that a reload has told to write somewhere else since', moveLog],
] as const) {
  test(`${what} ends when the time for draining is over, and tells how many are lost`, async (t) => {
    const gateway = await startUnread(t);
    await prepare(gateway);
    const exited = once(gateway.child, 'exit');
    gateway.child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    gateway.child.stdout?.resume();
    const { dropped } = await gateway.untilLogged(/^access records were dropped/);
    await gateway.exit;
    const whole = gateway.output.filter((line) => line.endsWith('}'));
    assert.equal(whole.length + Number(dropped), MANY);
  });
}

test('a file that a refused reload would have logged to does not stay open', async (t) => {
  const gateway = await startTidegate(t, ROUTES);
  const folder = dirname(gateway.file);
  const listeners = `listeners: { web: { address: 'unix:${join(folder, 'missing', 'socket')}' } }`;
  await gateway.write(`logs: { access: { to: '${join(folder, 'never.log')}' } }\n${listeners}\n${ROUTES}`);
  await gateway.untilLogged(/^the new configuration is refused/);
  // The worker is told to forget what it has prepared; what it is told next comes behind that, and ends when it is done.
  await gateway.write(`logs: { access: { to: '${join(folder, 'next.log')}' } }\n${ROUTES}`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  const open = await openFiles(gateway.pid);
  assert.deepEqual([open.includes('never.log'), open.includes('next.log')], [false, true]);
});

/** Names of the files that a process has open. */
async function openFiles(pid: number): Promise<readonly string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const targets = descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ''));
  return (await Promise.all(targets)).map((target) => basename(target));
}
