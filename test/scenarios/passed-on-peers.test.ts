// What is passed on as it is, with real servers at the other end: Redis over TCP, a name server over UDP and TCP.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { type TestContext, test } from 'node:test';
import { decode, encode, type Packet, RECURSION_DESIRED, streamDecode, streamEncode } from 'dns-packet';
import { startTidegate } from '../support/gateway.ts';
import { listens, missing, runPeer } from '../support/peers.ts';
import { connectRaw } from '../support/raw-client.ts';
import { bindUdp, closedUdpPort } from '../support/udp.ts';

const REDIS = { skip: missing('redis-server') };
const DNSMASQ = { skip: missing('dnsmasq') };

/** A Redis that keeps nothing; returns its port. */
async function startRedis(t: TestContext): Promise<number> {
  const port = await closedUdpPort();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
  await runPeer(t, 'redis-server', args, () => listens(port));
  return port;
}

/** A command as Redis reads it (RESP). */
function command(...parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
}

/** Sends commands on a connection of their own, all at once, and returns all that is answered. */
async function askRedis(t: TestContext, port: number, commands: string): Promise<string> {
  const client = await connectRaw(t, port);
  const answer = client.closed();
  await client.send(commands + command('QUIT'));
  const text = await answer;
  client.end();
  return text;
}

test('Redis answers thousands of commands that were sent ahead, in order, and large values', REDIS, async (t) => {
  const redis = await startRedis(t);
  const gateway = await startTidegate(
    t,
    `
listeners: { redis: { address: '127.0.0.1:0', protocol: tcp, upstream: redis } }
upstreams: { redis: { endpoints: ['127.0.0.1:${redis}'], health: { type: tcp, send: "PING\\r\\n", expect: PONG } } }
`,
  );
  const numbers = Array.from({ length: 5000 }, (_, i) => String(i));
  const sets = numbers.map((i) => command('SET', `key-${i}`, `value-${i}`)).join('');
  const gets = numbers.map((i) => command('GET', `key-${i}`)).join('');
  const expected = numbers.map((i) => `$${i.length + 6}\r\nvalue-${i}\r\n`).join('');
  assert.equal(await askRedis(t, gateway.port(), sets + gets), `${'+OK\r\n'.repeat(5000)}${expected}+OK\r\n`);
  const large = randomBytes(2_000_000).toString('latin1');
  const answer = await askRedis(t, gateway.port(), command('SET', 'large', large) + command('GET', 'large'));
  assert.ok(answer === `+OK\r\n$2000000\r\n${large}\r\n+OK\r\n`);
  const records = await gateway.untilRecords(2);
  assert.ok(records.every(({ status, closed_by }) => status === 200 && closed_by === 'endpoint'));
});

test('connections are balanced over two Redis, and go to the other when one ends', REDIS, async (t) => {
  const ports = [await startRedis(t), await startRedis(t)];
  const gateway = await startTidegate(
    t,
    `
listeners: { redis: { address: '127.0.0.1:0', protocol: tcp, upstream: redis } }
upstreams: { redis: { endpoints: [${ports.map((port) => `'127.0.0.1:${port}'`).join(', ')}] } }
`,
  );
  const whichOne = async () => {
    const answer = await askRedis(t, gateway.port(), command('CONFIG', 'GET', 'port'));
    return Number(/\r\n(\d+)\r\n\+OK/.exec(answer)?.[1]);
  };
  const seen: number[] = [];
  for (let count = 0; count < 10; count++) seen.push(await whichOne());
  assert.deepEqual(
    ports.map((port) => seen.filter((one) => one === port).length),
    [5, 5],
  );
  const direct = await connectRaw(t, ports[0] as number);
  await direct.send(command('SHUTDOWN', 'NOSAVE'));
  await direct.closed();
  for (let count = 0; count < 4; count++) assert.equal(await whichOne(), ports[1]);
});

/** A name server that knows a.test, and a text so long that it does not fit into a datagram; returns its port. */
async function startNameServer(t: TestContext): Promise<number> {
  const port = await closedUdpPort();
  const args = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--bind-interfaces',
    '--listen-address=127.0.0.1',
    `--port=${port}`,
    `--user=${userInfo().username}`,
    '--pid-file=',
    '--host-record=a.test,192.0.2.7',
    ...Array.from({ length: 8 }, (_, i) => `--txt-record=long.test,${String(i).repeat(200)}`),
  ];
  await runPeer(t, 'dnsmasq', args, () => listens(port));
  return port;
}

const question = (id: number, type: 'A' | 'TXT', name: string): Packet => ({
  type: 'query',
  id,
  flags: RECURSION_DESIRED,
  questions: [{ type, name }],
});

test('a name server answers over UDP and TCP at one port, balanced, each question a session', DNSMASQ, async (t) => {
  const servers = [await startNameServer(t), await startNameServer(t)];
  const port = await closedUdpPort();
  const gateway = await startTidegate(
    t,
    `
listeners:
  dns: { address: '127.0.0.1:${port}', protocol: udp, upstream: dns, udp: { answers: 1 } }
  dns-tcp: { address: '127.0.0.1:${port}', protocol: tcp, upstream: dns }
upstreams:
  dns:
    endpoints: [${servers.map((server) => `'127.0.0.1:${server}'`).join(', ')}]
    health: { type: udp, send: { hex: '${encode(question(7, 'A', 'a.test')).toString('hex')}' }, expect: { hex: c0000207 } }
`,
  );
  await gateway.untilAdmin<{ endpoints: readonly { status: string }[] }>('/upstreams/dns', ({ endpoints }) =>
    endpoints.every(({ status }) => status === 'healthy'),
  );
  const client = await bindUdp(t);
  for (let id = 1; id <= 10; id++) {
    await client.send(encode(question(id, 'A', 'a.test')), port);
    const answer = decode((await client.next()).bytes);
    assert.equal(answer.id, id);
    assert.deepEqual(
      answer.answers?.map((one) => one.type === 'A' && one.data),
      ['192.0.2.7'],
    );
  }
  const records = await gateway.untilRecords(10);
  assert.ok(records.every(({ closed_by, datagrams_sent }) => closed_by === 'answered' && datagrams_sent === 1));
  for (const server of servers)
    assert.equal(records.filter(({ endpoint }) => endpoint === `127.0.0.1:${server}`).length, 5);
  await client.send(encode(question(11, 'TXT', 'long.test')), port);
  const short = decode((await client.next()).bytes);
  assert.equal(short.flag_tc, true);
  const long = await askOverTcp(t, port);
  assert.equal(long.answers?.length, 8);
});

async function askOverTcp(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(streamEncode(question(12, 'TXT', 'long.test')));
  let bytes = Buffer.alloc(0);
  while (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0))
    bytes = Buffer.concat([bytes, ...((await once(socket, 'data')) as [Buffer])]);
  return streamDecode(bytes);
}

test('thousands of questions at once are all answered', DNSMASQ, async (t) => {
  const server = await startNameServer(t);
  const gateway = await startTidegate(
    t,
    `
workers: 2
listeners: { dns: { address: '127.0.0.1:0', protocol: udp, upstream: dns, udp: { answers: 1 } } }
upstreams: { dns: { endpoints: ['127.0.0.1:${server}'] } }
`,
  );
  const clients = await Promise.all(Array.from({ length: 50 }, () => bindUdp(t)));
  const ask = async (index: number) => {
    const client = clients[index];
    assert.ok(client);
    for (let id = 1; id <= 40; id++) {
      await client.send(encode(question(id, 'A', 'a.test')), gateway.port());
      assert.equal(decode((await client.next()).bytes).id, id);
    }
  };
  await Promise.all(clients.map((_, index) => ask(index)));
  assert.equal((await gateway.untilRecords(2000)).length, 2000);
  assert.equal(await gateway.metric('tidegate_listener_connections_active{listener="dns"}'), 0);
  assert.equal(await gateway.metric(`tidegate_endpoint_in_flight{upstream="dns",endpoint="127.0.0.1:${server}"}`), 0);
});
