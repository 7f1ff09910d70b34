// TCP listeners with routes: TLS is passed on unopened by the name and the protocols it asks for, other protocols by their first bytes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { writeProxyHeader } from '#wire/proxy-protocol/write-header.ts';
import { helloMessage, records } from '../support/client-hello.ts';
import { connected } from '../support/connected.ts';
import { startTidegate, type TestGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

/** TLS by a key that both know (RFC 4279): no certificates are needed to see that nobody in between has opened it. */
const PSK = { ciphers: 'PSK-AES128-GCM-SHA256', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const KEY = Buffer.from('0123456789abcdef');

async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with its name, the name it was asked for and the protocol that was agreed on. */
function startTls(t: TestContext, name: string): Promise<string> {
  const server = createTlsServer(
    { ...PSK, pskCallback: () => KEY, ALPNProtocols: ['h2', 'http/1.1', 'x'] },
    (socket) => {
      socket.on('error', () => {});
      socket.end(`${name} ${socket.servername} ${socket.alpnProtocol}`);
    },
  );
  server.on('tlsClientError', () => {});
  return listen(t, server);
}

/** Says its name at once, and sends back what comes. */
function startPlain(t: TestContext, name: string): Promise<string> {
  return listen(
    t,
    createServer((socket) => {
      socket.on('error', () => {});
      socket.write(`${name}: `);
      socket.pipe(socket);
    }),
  );
}

async function askTls(gateway: TestGateway, options: ConnectionOptions): Promise<string> {
  const psk = Buffer.from(KEY);
  const socket = connectTls({
    ...PSK,
    port: gateway.port(),
    host: '127.0.0.1',
    pskCallback: () => ({ psk, identity: 'test' }),
    checkServerIdentity: () => undefined,
    ...options,
  });
  let answer = '';
  try {
    for await (const text of socket.setEncoding('utf8')) answer += text;
    return answer;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'failed';
  }
}

/** What comes back until `wanted` characters are there. */
async function readText(socket: Socket, wanted: number): Promise<string> {
  let text = '';
  while (text.length < wanted) text += String(await once(socket, 'data'));
  return text;
}

async function dial(t: TestContext, gateway: TestGateway): Promise<Socket> {
  const socket = connect(gateway.port(), '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  await connected(socket);
  return socket;
}

function configuration(routes: readonly string[], endpoints: Readonly<Record<string, string>>, more = ''): string {
  const upstreams = Object.entries(endpoints).map(([name, address]) => `${name}: { endpoints: ['${address}'] }`);
  return `
listeners: { edge: { address: '127.0.0.1:0', protocol: tcp, routes: [${routes.join(', ')}]${more} } }
upstreams: { ${upstreams.join(', ')} }
`;
}

test('TLS goes by name and by ALPN to where the routes say, and its record tells both', async (t) => {
  const endpoints = { a: await startTls(t, 'a'), b: await startTls(t, 'b'), rest: await startTls(t, 'rest') };
  const routes = ['{ sni: [A.example, "*.a.example"], upstream: a }', '{ alpn: x, upstream: b }', '{ upstream: rest }'];
  const gateway = await startTidegate(t, configuration(routes, endpoints));
  assert.equal(await askTls(gateway, { servername: 'a.Example', ALPNProtocols: ['h2'] }), 'a a.Example h2');
  assert.equal(await askTls(gateway, { servername: 'www.a.example' }), 'a www.a.example false');
  assert.equal(await askTls(gateway, { servername: 'c.example', ALPNProtocols: ['x'] }), 'b c.example x');
  assert.equal(await askTls(gateway, { servername: 'c.example', ALPNProtocols: ['h2'] }), 'rest c.example h2');
  const found = await gateway.untilRecords(4);
  assert.deepEqual(
    found.map(({ protocol, sni, alpn, upstream }) => [protocol, sni, alpn, upstream]),
    [
      ['tls', 'a.example', 'h2', 'a'],
      ['tls', 'www.a.example', undefined, 'a'],
      ['tls', 'c.example', 'x', 'b'],
      ['tls', 'c.example', 'h2', 'rest'],
    ],
  );
});

for (const [what, asked, alert] of [
  ['a name that no route has', { servername: 'b.example' }, 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME'],
  ['no name', { servername: '' }, 'ERR_SSL_MISSING_EXTENSION'],
  [
    'a name that is known, with another protocol',
    { servername: 'a.example', ALPNProtocols: ['h3'] },
    'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
  ],
] as const) {
  test(`TLS with ${what} is refused by an alert, a record and a count`, async (t) => {
    const routes = ['{ sni: a.example, alpn: h2, upstream: a }'];
    const gateway = await startTidegate(t, configuration(routes, { a: await startTls(t, 'a') }));
    const answer = await askTls(gateway, asked as ConnectionOptions);
    assert.ok(answer.includes(alert.replace('ERR_SSL_', '')), answer);
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.error, 'no-route');
    assert.equal(record?.ended_by, 'client');
    assert.equal(record?.protocol, 'tls');
    assert.equal(await gateway.metric('tidegate_listener_refusals_total{listener="edge",reason="unmatched"}'), 1);
    assert.equal(await gateway.metric('tidegate_listener_connections_active{listener="edge"}'), 0);
  });
}

test('a ClientHello in many records and packets finds its way, and arrives unchanged', async (t) => {
  const arrived: Buffer[] = [];
  const hello = records(helloMessage({ names: ['a.example'] }), 9);
  const address = await listen(
    t,
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        arrived.push(bytes);
        if (Buffer.concat(arrived).length === hello.length + 4) socket.end('done');
      });
    }),
  );
  const gateway = await startTidegate(t, configuration(['{ sni: a.example, upstream: a }'], { a: address }));
  const client = await connectRaw(t, gateway.port());
  await client.sendSplit(`${hello.toString('latin1')}more`, 3);
  assert.equal(await client.closed(), 'done');
  assert.equal(Buffer.concat(arrived).toString('latin1'), `${hello.toString('latin1')}more`);
});

for (const [what, bytes, ends] of [
  ['that is malformed', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), false],
  ['that stops in the middle', records(helloMessage({ names: ['a.example'] })).subarray(0, 20), false],
  ['that ends in the middle', records(helloMessage({ names: ['a.example'] })).subarray(0, 20), true],
] as const) {
  test(`a ClientHello ${what} is refused by an alert and a record, not passed on`, async (t) => {
    const gateway = await startTidegate(
      t,
      configuration(
        ['{ upstream: rest }'],
        { rest: await startPlain(t, 'rest') },
        ', timeouts: { first-bytes: 300ms }',
      ),
    );
    const client = await connectRaw(t, gateway.port());
    await client.send(bytes);
    if (ends) client.end();
    const answer = Buffer.from(await client.closed(), 'latin1');
    assert.deepEqual([...answer.subarray(0, 6)], [21, 3, 3, 0, 2, 2]);
    const [record] = await gateway.untilRecords(1);
    assert.equal(record?.error, 'tls-hello-invalid');
    assert.equal(
      await gateway.metric('tidegate_listener_refusals_total{listener="edge",reason="tls-hello-invalid"}'),
      1,
    );
    assert.equal(record?.upstream, undefined);
  });
}

test('several protocols share a port, and one that waits for the server to speak gets the fallback', async (t) => {
  const endpoints = {
    ssh: await startPlain(t, 'ssh'),
    secure: await startTls(t, 'secure'),
    rest: await startPlain(t, 'rest'),
  };
  const routes = ['{ protocol: ssh, upstream: ssh }', '{ protocol: tls, upstream: secure }', '{ upstream: rest }'];
  const timeouts = ', timeouts: { first-bytes: 200ms }';
  const gateway = await startTidegate(t, configuration(routes, endpoints, timeouts));
  assert.equal(await askTls(gateway, { servername: 'any' }), 'secure any false');
  for (const [sent, expected] of [
    ['SSH-2.0-x', 'ssh: SSH-2.0-x'],
    ['PING\r\n', 'rest: PING\r\n'],
    ['', 'rest: '],
    ['GET', 'rest: GET'],
  ] as const) {
    const client = await dial(t, gateway);
    client.write(sent);
    assert.equal(await readText(client, expected.length), expected);
    client.destroy();
  }
});

test('a client that ends its side without a word gets the fallback too', async (t) => {
  const gateway = await startTidegate(
    t,
    configuration(['{ protocol: ssh, upstream: rest }', '{ upstream: rest }'], { rest: await startPlain(t, 'rest') }),
  );
  const client = await connectRaw(t, gateway.port());
  client.end();
  assert.equal(await client.closed(), 'rest: ');
});

test('HTTP beside other protocols goes to the gateway’s own routes', async (t) => {
  const origin = await startOrigin(t);
  const ssh = await startPlain(t, 'ssh');
  const gateway = await startTidegate(
    t,
    `
listeners:
  edge:
    address: '127.0.0.1:0'
    protocol: tcp
    routes: [{ protocol: http, http: true }, { protocol: ssh, upstream: ssh }]
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['${origin.address}'] }, ssh: { endpoints: ['${ssh}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request('GET /one HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
  assert.equal((await client.request('POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok')).status, 200);
  assert.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/one', '/two'],
  );
  const [record] = await gateway.untilRecords(2);
  assert.equal(record?.route, 'all');
  assert.equal(record?.version, '1.1');
});

test('what no route takes is reset, with a record and a count', async (t) => {
  const gateway = await startTidegate(
    t,
    configuration(['{ protocol: ssh, upstream: ssh }'], { ssh: await startPlain(t, 'ssh') }),
  );
  const client = await dial(t, gateway);
  const error = once(client, 'error');
  client.write('PING\r\n');
  assert.equal(((await error) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.error, 'no-route');
  assert.equal(record?.protocol, 'other');
});

test('behind a PROXY header the first bytes are those after it', async (t) => {
  const gateway = await startTidegate(
    t,
    configuration(
      ['{ protocol: ssh, upstream: ssh }'],
      { ssh: await startPlain(t, 'ssh') },
      ', proxy-protocol: [127.0.0.1]',
    ),
  );
  const client = await dial(t, gateway);
  const source = { address: '203.0.113.7', port: 40_000 };
  client.write(Buffer.concat([writeProxyHeader(2, source, source), Buffer.from('SSH-2.0-x')]));
  assert.equal(await readText(client, 14), 'ssh: SSH-2.0-x');
  client.destroy();
  assert.equal((await gateway.untilRecords(1))[0]?.client, '203.0.113.7');
});

test('a client that leaves before it has said what it wants is in the records', async (t) => {
  const gateway = await startTidegate(
    t,
    configuration(['{ protocol: ssh, upstream: ssh }'], { ssh: await startPlain(t, 'ssh') }),
  );
  const client = await dial(t, gateway);
  client.write('SS');
  client.resetAndDestroy();
  assert.equal((await gateway.untilRecords(1))[0]?.error, 'client-closed');
});

test('a connection that is being looked at while a reload takes the routes away goes where all go then', async (t) => {
  const one = await startPlain(t, 'one');
  const gateway = await startTidegate(t, configuration(['{ protocol: ssh, upstream: one }'], { one }));
  const socket = await dial(t, gateway);
  socket.write('SS');
  await gateway.write(`
listeners: { edge: { address: '127.0.0.1:0', protocol: tcp, upstream: one } }
upstreams: { one: { endpoints: ['${one}'] } }
`);
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  socket.write('H-');
  assert.equal(await readText(socket, 9), 'one: SSH-');
});

test('a reload changes the routes for connections that come after it, and leaves open ones alone', async (t) => {
  const [one, two] = [await startPlain(t, 'one'), await startPlain(t, 'two')];
  const routed = (name: string) => configuration([`{ protocol: ssh, upstream: ${name} }`], { one, two });
  const gateway = await startTidegate(t, routed('one'));
  const before = await dial(t, gateway);
  before.write('SSH-');
  assert.equal(await readText(before, 9), 'one: SSH-');
  await gateway.write(routed('two'));
  await gateway.untilAdmin<{ generation: number }>('/status', ({ generation }) => generation > 1);
  const after = await dial(t, gateway);
  after.write('SSH-');
  assert.equal(await readText(after, 9), 'two: SSH-');
  before.write('more');
  assert.equal(await readText(before, 4), 'more');
});
