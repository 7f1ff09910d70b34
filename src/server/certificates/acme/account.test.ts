// The account of an ACME server over restarts, changes and servers that forget.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { accountPlace } from '#server/certificates/places.ts';
import { CertificateStore } from '#server/certificates/store.ts';
import { Account } from './account.ts';

const BASE = 'https://acme.example';
const NEVER = new AbortController().signal;

class World {
  readonly clock = new ManualClock();
  readonly store: CertificateStore;
  readonly requests: { readonly path: string; readonly payload: unknown; readonly account: string | undefined }[] = [];
  /** What was kept when the server was asked for an account. */
  keptBefore: string | undefined;
  /** How many requests are answered that the account is unknown. */
  forgotten = 0;
  needsBinding = false;
  #accounts = 0;

  constructor(folder: string) {
    this.store = new CertificateStore(folder, { log: silentLog, clock: this.clock });
  }

  account(contact: readonly string[] = [], binding?: { keyId: string; hmacKey: string }): Account {
    return new Account({
      directoryUrl: `${BASE}/directory`,
      request: { contact, binding },
      store: this.store,
      clock: this.clock,
      log: silentLog,
      transport: async ({ url, body }) => {
        const path = url.slice(BASE.length);
        const answer = (status: number, content: unknown, location = '') => ({
          status,
          headers: { 'replay-nonce': 'nonce', ...(location !== '' && { location }) },
          body: Buffer.from(JSON.stringify(content)),
        });
        if (path === '/directory') {
          const meta = { externalAccountRequired: this.needsBinding };
          return answer(200, {
            newNonce: `${BASE}/nonce`,
            newAccount: `${BASE}/new-account`,
            newOrder: `${BASE}/x`,
            meta,
          });
        }
        if (path === '/nonce') return answer(200, {});
        const { protected: header, payload } = JSON.parse(String(body));
        const read = (text: string) =>
          text === '' ? undefined : JSON.parse(Buffer.from(text, 'base64url').toString());
        this.requests.push({ path, payload: read(payload), account: read(header).kid });
        if (path === '/new-account') {
          this.keptBefore = await this.store.read(accountPlace(`${BASE}/directory`));
          return answer(201, {}, `${BASE}/account/${++this.#accounts}`);
        }
        if (this.forgotten-- > 0) return answer(400, { type: 'urn:ietf:params:acme:error:accountDoesNotExist' });
        return answer(200, {});
      },
    });
  }

  paths(): readonly string[] {
    return this.requests.map(({ path }) => path);
  }
}

async function createWorld(t: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return new World(join(folder, 'store'));
}

const ask = (account: Account) => account.use((client) => client.post(`${BASE}/work`, {}, NEVER), NEVER);

test('an account is made once, with a key that was kept before', async (t) => {
  const world = await createWorld(t);
  const account = world.account(['mailto:a@b.example']);
  await Promise.all([ask(account), ask(account)]);
  assert.deepEqual(world.paths(), ['/new-account', '/work', '/work']);
  assert.match(world.keptBefore ?? '', /PRIVATE KEY/);
  assert.equal(world.requests[1]?.account, `${BASE}/account/1`);
  // The next life of the gateway has it too.
  await ask(world.account(['mailto:a@b.example']));
  assert.deepEqual(world.paths().slice(3), ['/work']);
});

test('RFC 8555 7.3.2: another address is told to the server', async (t) => {
  const world = await createWorld(t);
  await ask(world.account(['mailto:a@b.example']));
  await ask(world.account(['mailto:c@b.example']));
  assert.deepEqual(world.requests[2], {
    path: '/account/1',
    payload: { contact: ['mailto:c@b.example'] },
    account: `${BASE}/account/1`,
  });
  await ask(world.account(['mailto:c@b.example']));
  assert.equal(world.paths().at(-2), '/work');
});

test('a server that has forgotten the account gets it anew, with the same key', async (t) => {
  const world = await createWorld(t);
  const account = world.account();
  await ask(account);
  world.forgotten = 1;
  await ask(account);
  assert.deepEqual(world.paths(), ['/new-account', '/work', '/work', '/new-account', '/work']);
  assert.equal(world.requests.at(-1)?.account, `${BASE}/account/2`);
  world.forgotten = 2;
  await assert.rejects(ask(account), /accountDoesNotExist/);
});

test('RFC 8555 7.3.4: a server that wants a binding is not asked without one', async (t) => {
  const world = await createWorld(t);
  world.needsBinding = true;
  await assert.rejects(ask(world.account()), /certificates\.acme\.eab/);
  assert.deepEqual(world.requests, []);
  await ask(world.account([], { keyId: 'kid', hmacKey: 'c2VjcmV0' }));
  assert.match(JSON.stringify(world.requests), /externalAccountBinding/);
});

test('a file that is no account is named, and not written over', async (t) => {
  const world = await createWorld(t);
  await world.store.write(accountPlace(`${BASE}/directory`), '{}');
  await assert.rejects(ask(world.account()), /is no account: move it away/);
  assert.equal(await world.store.read(accountPlace(`${BASE}/directory`)), '{}');
});
