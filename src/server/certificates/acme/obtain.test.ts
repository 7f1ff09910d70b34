// Orders at an ACME server that is a function: what servers may do, and what they must not.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { ManualClock } from '#lib/clock.ts';
import type { Timers } from '#lib/timers.ts';
import { AccountKey } from './account-key.ts';
import { AcmeClient } from './acme-client.ts';
import type { AcmeError } from './acme-error.ts';
import { obtain, type Wanted } from './obtain.ts';
import type { Solver, Task } from './solver.ts';

const BASE = 'https://acme.example';
const NEVER = new AbortController().signal;
const WANTED: Wanted = { names: ['a.example'], keyType: 'ecdsa-p256', profile: '', replaces: '' };

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Answers by path; a list is what comes one after the other, the last one for ever. */
type Script = Record<string, Answer | readonly Answer[]>;

const problem = (type: string, detail = '') => ({ type: `urn:ietf:params:acme:error:${type}`, detail });
const order = (status: string, more = {}) => ({
  body: { status, authorizations: [`${BASE}/authorization`], finalize: `${BASE}/finalize`, ...more },
});
const challenge = { type: 'http-01', url: `${BASE}/challenge`, status: 'pending', token: 'token-1' };
const authorization = (status: string, more = {}) => ({
  body: { status, identifier: { type: 'dns', value: 'a.example' }, challenges: [challenge], ...more },
});

class World {
  readonly posts: { readonly path: string; readonly payload: unknown }[] = [];
  readonly waits: number[] = [];
  readonly solved: Task[] = [];
  cleanups = 0;
  /** What the server gives for the key of the request. */
  chain: (publicKey: x509.PublicKey) => Promise<string> = (publicKey) => certify(publicKey, ['a.example']);
  readonly #script: Script;
  readonly #counts = new Map<string, number>();

  constructor(script: Script) {
    this.#script = {
      '/directory': {
        body: {
          newNonce: `${BASE}/nonce`,
          newAccount: `${BASE}/account`,
          newOrder: `${BASE}/new-order`,
          renewalInfo: `${BASE}/renewal`,
        },
      },
      '/nonce': {},
      '/new-order': { status: 201, headers: { location: `${BASE}/order` }, ...order('pending') },
      '/authorization': [authorization('pending'), authorization('valid')],
      '/challenge': { body: challenge },
      '/order': [order('ready'), order('valid', { certificate: `${BASE}/certificate` })],
      '/finalize': order('processing'),
      ...script,
    };
  }

  obtain(wanted: Partial<Wanted> = {}) {
    const clock = new ManualClock();
    const client = new AcmeClient(
      {
        directoryUrl: `${BASE}/directory`,
        key: AccountKey.generate(),
        clock,
        transport: async ({ method, url, body }) => {
          const path = url.slice(BASE.length);
          if (method === 'POST') this.posts.push({ path, payload: payloadOf(String(body)) });
          const { status = 200, headers = {}, body: content = {} } = await this.#answer(path);
          const text = typeof content === 'string' ? content : JSON.stringify(content);
          return { status, headers: { 'replay-nonce': 'nonce', ...headers }, body: Buffer.from(text) };
        },
      },
      `${BASE}/account/1`,
    );
    const timers: Timers = {
      set: (callback, ms) => {
        this.waits.push(ms);
        setImmediate(callback);
        return () => {};
      },
    };
    const solver: Solver = {
      type: 'http-01',
      solve: async (tasks) => {
        this.solved.push(...tasks);
        return async () => void this.cleanups++;
      },
    };
    return obtain({ ...WANTED, ...wanted }, { client, solver, clock, timers }, NEVER);
  }

  /** What was sent as the post of this number. */
  ordered(number: number): { readonly replaces?: string; readonly profile?: string } {
    return this.posts[number]?.payload ?? {};
  }

  paths(): readonly string[] {
    return this.posts.map(({ path }) => path);
  }

  async #answer(path: string): Promise<Answer> {
    if (path === '/certificate') return { body: await this.chain(this.#publicKey()) };
    const answers = this.#script[path] ?? { status: 404, body: {} };
    if (!Array.isArray(answers)) return answers as Answer;
    const count = this.#counts.get(path) ?? 0;
    this.#counts.set(path, count + 1);
    return answers[Math.min(count, answers.length - 1)] as Answer;
  }

  #publicKey(): x509.PublicKey {
    const { csr } = this.posts.find(({ path }) => path === '/finalize')!.payload as { csr: string };
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    return request.publicKey;
  }
}

function payloadOf(body: string): unknown {
  const { payload } = JSON.parse(body) as { payload: string };
  return payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString());
}

async function certify(publicKey: x509.PublicKey, names: readonly string[]): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=leaf',
    issuer: 'CN=issuer',
    publicKey,
    signingKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.toCryptoKey(algorithm, true, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
  });
  return `${certificate.toString('pem')}\n`;
}

test('RFC 8555 7.4: the steps come in order, and the proof is taken back', async () => {
  const world = new World({});
  const { chain, key } = await world.obtain();
  assert.match(chain, /^-----BEGIN CERTIFICATE-----/);
  assert.match(key, /PRIVATE KEY/);
  assert.deepEqual(world.paths(), [
    '/new-order',
    '/authorization',
    '/challenge',
    '/authorization',
    '/order',
    '/finalize',
    '/order',
    '/certificate',
  ]);
  assert.deepEqual(world.posts[0]?.payload, { identifiers: [{ type: 'dns', value: 'a.example' }] });
  assert.deepEqual(world.posts[2]?.payload, {});
  const [task] = world.solved;
  assert.equal(task?.name, 'a.example');
  assert.match(task?.keyAuthorization ?? '', /^token-1\.[\w-]{43}$/);
  assert.equal(world.cleanups, 1);
});

test('RFC 8555 7.1.3: a name that the server believes already needs no proof', async () => {
  const world = new World({ '/authorization': authorization('valid') });
  await world.obtain();
  assert.deepEqual(world.solved, []);
});

test('RFC 8555 7.5.1: while the server is at work it is asked again, when it says so or later and later', async () => {
  const world = new World({
    '/authorization': [
      authorization('pending'),
      authorization('pending'),
      { ...authorization('pending'), headers: { 'retry-after': '7' } },
      authorization('pending'),
      authorization('valid'),
    ],
    '/order': [order('ready'), order('processing'), order('valid', { certificate: `${BASE}/certificate` })],
  });
  await world.obtain();
  assert.deepEqual(world.waits, [500, 7000, 2000, 500]);
});

test('a proof that the server refuses is an error with what it found, and is taken back', async () => {
  const failed = { ...challenge, status: 'invalid', error: problem('unauthorized', 'wrong content') };
  const world = new World({
    '/authorization': [authorization('pending'), authorization('invalid', { challenges: [failed] })],
  });
  await assert.rejects(world.obtain(), (error: AcmeError) => {
    assert.equal(error.type, 'unauthorized');
    assert.equal(error.message, 'unauthorized: wrong content (http-01 of a.example)');
    return true;
  });
  assert.equal(world.cleanups, 1);
});

test('a server that does not offer the challenge is told of with what it offers', async () => {
  const world = new World({
    '/authorization': authorization('pending', { challenges: [{ ...challenge, type: 'dns-01' }], wildcard: true }),
  });
  await assert.rejects(world.obtain(), /wants dns-01 for \*\.a\.example, and the configuration says http-01/);
});

test('RFC 8555 8.3: a token that could be a path is no token', async () => {
  const world = new World({
    '/authorization': authorization('pending', { challenges: [{ ...challenge, token: '../x' }] }),
  });
  await assert.rejects(world.obtain(), /wants http-01/);
  assert.deepEqual(world.solved, []);
});

test('an order that becomes invalid says why', async () => {
  const world = new World({ '/order': order('invalid', { error: problem('caa', 'forbidden') }) });
  await assert.rejects(world.obtain(), /^AcmeError: caa: forbidden$/);
});

test('RFC 9773 5: an order names what it replaces, and is placed without when the server wants that', async () => {
  const accepting = new World({});
  await accepting.obtain({ replaces: 'aki.serial' });
  assert.equal(accepting.ordered(0).replaces, 'aki.serial');
  const refusing = new World({
    '/new-order': [
      { status: 409, body: problem('alreadyReplaced') },
      { status: 201, headers: { location: `${BASE}/order` }, ...order('pending') },
    ],
  });
  await refusing.obtain({ replaces: 'aki.serial' });
  assert.equal(refusing.ordered(1).replaces, undefined);
  const limited = new World({ '/new-order': { status: 429, body: problem('rateLimited') } });
  await assert.rejects(limited.obtain({ replaces: 'aki.serial' }), /rateLimited/);
  assert.equal(limited.posts.length, 1);
});

test('a profile is asked for where one is wanted', async () => {
  const world = new World({});
  await world.obtain({ profile: 'shortlived' });
  assert.equal(world.ordered(0).profile, 'shortlived');
});

for (const [what, chain, message] of [
  ['nothing', async () => '', /no chain of certificates/],
  [
    'another PEM beside',
    async (key: x509.PublicKey) =>
      `${await certify(key, ['a.example'])}-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n`,
    /no chain of certificates/,
  ],
  ['a certificate for other names', (key: x509.PublicKey) => certify(key, ['b.example']), /is not for a\.example/],
] as const) {
  test(`RFC 8555 9.1: a download that holds ${what} is refused`, async () => {
    const world = new World({});
    world.chain = chain;
    await assert.rejects(world.obtain(), message);
  });
}

test('a certificate for another key is refused', async () => {
  const world = new World({});
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = new x509.PublicKey(publicKey.export({ type: 'spki', format: 'der' }));
  world.chain = () => certify(other, ['a.example']);
  await assert.rejects(world.obtain(), /for another key/);
});
