// The ACME client against Pebble: accounts, orders, all types of challenges, and what Pebble does on purpose to find bad clients.
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createSecureContext, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { systemTimers } from '#lib/timers.ts';
import { type Challenges, NO_CHALLENGES } from '#model/challenges.ts';
import { AccountKey } from '#server/certificates/acme/account-key.ts';
import { AcmeClient } from '#server/certificates/acme/acme-client.ts';
import type { AcmeError } from '#server/certificates/acme/acme-error.ts';
import { obtain, type Wanted } from '#server/certificates/acme/obtain.ts';
import type { Solver } from '#server/certificates/acme/solver.ts';
import { dns01, http01, type SolverHost, tlsAlpn01 } from '#server/certificates/acme/solvers.ts';
import { ChallengeBoard } from '#server/certificates/challenge-board.ts';
import { createTransport } from '#server/certificates/transport.ts';
import { missingPebble, type Pebble, startPebble } from '../support/pebble.ts';

const SKIP = { skip: missingPebble() };
const NEVER = new AbortController().signal;
const WANTED: Wanted = { names: ['a.example'], keyType: 'ecdsa-p256', profile: '', replaces: '' };

interface World {
  readonly client: AcmeClient;
  readonly solvers: SolverHost;
  challenges(): Challenges;
}

function createWorld(pebble: Pebble): World {
  let challenges = NO_CHALLENGES;
  const board = new ChallengeBoard(async (next) => {
    challenges = next;
  });
  const client = new AcmeClient({
    directoryUrl: pebble.directory,
    key: AccountKey.generate(),
    transport: createTransport(pebble.authority),
    clock: systemClock,
  });
  return {
    client,
    solvers: { board, log: silentLog, clock: systemClock, timers: systemTimers },
    challenges: () => challenges,
  };
}

async function serveHttp(t: TestContext, port: number, world: World): Promise<void> {
  const server = createServer(({ url = '' }, response) => {
    const answer = world.challenges().answers.get(url.replace('/.well-known/acme-challenge/', ''));
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
}

async function serveTls(t: TestContext, port: number, world: World): Promise<void> {
  const server = createTlsServer({
    ALPNCallback(this: TLSSocket, { servername, protocols }) {
      const pair = world.challenges().certificates.get(servername);
      if (!pair || !protocols.includes('acme-tls/1')) return undefined;
      this.setKeyCert(createSecureContext({ cert: pair.chain, key: pair.key }));
      return 'acme-tls/1';
    },
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
}

async function getCertificate(world: World, solver: Solver, wanted: Partial<Wanted> = {}): Promise<X509Certificate> {
  const host = { client: world.client, solver, clock: systemClock, timers: systemTimers };
  const { chain, key } = await obtain({ ...WANTED, ...wanted }, host, NEVER);
  const leaf = new X509Certificate(chain);
  assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
  assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2);
  return leaf;
}

test(
  'RFC 8555 8.3: http-01 gets a certificate for several names and an address, though many nonces are refused',
  SKIP,
  async (t) => {
    const pebble = await startPebble(t, { refusedNonces: 20 });
    const world = createWorld(pebble);
    await serveHttp(t, pebble.httpPort, world);
    await world.client.register({ contact: ['mailto:ops@a.example'], binding: undefined }, NEVER);
    const names = ['a.example', 'b.example', '127.0.0.1'];
    const leaf = await getCertificate(world, http01(world.solvers), { names });
    assert.equal(
      leaf.subjectAltName?.split(', ').toSorted().join(' '),
      'DNS:a.example DNS:b.example IP Address:127.0.0.1',
    );
    assert.deepEqual(world.challenges(), NO_CHALLENGES);
  },
);

test('RFC 8737: tls-alpn-01 gets a certificate', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const world = createWorld(pebble);
  await serveTls(t, pebble.tlsPort, world);
  await world.client.register({ contact: [], binding: undefined }, NEVER);
  const leaf = await getCertificate(world, tlsAlpn01(world.solvers));
  assert.equal(leaf.subjectAltName, 'DNS:a.example');
  assert.deepEqual(world.challenges(), NO_CHALLENGES);
});

test('RFC 8738 6: tls-alpn-01 proves an address under its name in the reverse tree', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const world = createWorld(pebble);
  await serveTls(t, pebble.tlsPort, world);
  await world.client.register({ contact: [], binding: undefined }, NEVER);
  const leaf = await getCertificate(world, tlsAlpn01(world.solvers), { names: ['127.0.0.1'] });
  assert.equal(leaf.subjectAltName, 'IP Address:127.0.0.1');
});

/** A hook that tells Pebble's name server, as a program of an operator's would tell theirs. */
function dnsHook({ names }: Pebble, record: string): readonly string[] {
  const script = `
    echo "$1 $2" >> ${record}
    case $1 in
      present) path=set-txt content="{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}" ;;
      cleanup) path=clear-txt content="{\\"host\\":\\"$2.\\"}" ;;
    esac
    exec curl -sf -d "$content" ${names}/$path`;
  return ['sh', '-c', script, 'hook'];
}

test('RFC 8555 8.4: dns-01 gets a certificate for a wildcard and its own name by the hook', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const world = createWorld(pebble);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const record = join(folder, 'record');
  await world.client.register({ contact: [], binding: undefined }, NEVER);
  const solver = dns01({ command: dnsHook(pebble, record), env: {}, timeoutMs: 20_000, waitMs: 0 }, world.solvers);
  const leaf = await getCertificate(world, solver, { names: ['a.example', '*.a.example'] });
  assert.equal(leaf.subjectAltName?.split(', ').toSorted().join(' '), 'DNS:*.a.example DNS:a.example');
  const calls = (await readFile(record, 'utf8')).trim().split('\n');
  const [present, cleanup] = ['present', 'cleanup'].map((action) => `${action} _acme-challenge.a.example`);
  assert.deepEqual(calls, [present, present, cleanup, cleanup]);
});

test('RFC 8555 7.3.4: an account is bound to one outside of ACME where the server wants that', SKIP, async (t) => {
  const hmacKey = Buffer.from('a secret of thirty-two octets ...').toString('base64url');
  const pebble = await startPebble(t, { bindings: { 'kid-1': hmacKey } });
  const world = createWorld(pebble);
  await assert.rejects(
    world.client.register({ contact: [], binding: undefined }, NEVER),
    (error: AcmeError) => error.type === 'externalAccountRequired',
  );
  const binding = { keyId: 'kid-1', hmacKey };
  const account = await world.client.register({ contact: [], binding }, NEVER);
  // RFC 8555 section 7.3.1: the same key finds the same account.
  assert.equal(await world.client.register({ contact: [], binding }, NEVER), account);
});

test('a proof that fails rejects with what the server found, and is taken back', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const world = createWorld(pebble);
  await world.client.register({ contact: [], binding: undefined }, NEVER);
  // Nobody listens where Pebble looks.
  await assert.rejects(getCertificate(world, http01(world.solvers)), (error: AcmeError) => {
    assert.equal(error.type, 'connection');
    assert.match(error.message, /http-01 of a\.example/);
    return true;
  });
  assert.deepEqual(world.challenges(), NO_CHALLENGES);
});

test('keys are of the type that is wanted', SKIP, async (t) => {
  const pebble = await startPebble(t);
  const world = createWorld(pebble);
  await serveHttp(t, pebble.httpPort, world);
  await world.client.register({ contact: [], binding: undefined }, NEVER);
  for (const [keyType, name] of [
    ['rsa-2048', 'rsa'],
    ['ecdsa-p384', 'ec'],
  ] as const) {
    const leaf = await getCertificate(world, http01(world.solvers), { keyType });
    assert.equal(leaf.publicKey.asymmetricKeyType, name);
  }
});
