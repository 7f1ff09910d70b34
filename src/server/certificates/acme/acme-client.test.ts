// The ACME client over a scripted transport: what servers do wrong, and what they may do that Pebble does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import type { TransportAnswer, TransportRequest } from '#server/certificates/transport.ts';
import { AccountKey } from './account-key.ts';
import { AcmeClient } from './acme-client.ts';
import { AcmeError } from './acme-error.ts';

const BASE = 'https://acme.example';
const NEVER = new AbortController().signal;
const DIRECTORY = {
  newNonce: `${BASE}/nonce`,
  newAccount: `${BASE}/account`,
  newOrder: `${BASE}/order`,
  renewalInfo: `${BASE}/renewal/`,
};

type Script = (request: TransportRequest, count: number) => Partial<Omit<TransportAnswer, 'body'>> & { body?: unknown };

/** A server that has a directory and nonces, and does with all else what the script says. */
function createClient(script: Script, directory: object = DIRECTORY) {
  const requests: TransportRequest[] = [];
  let nonces = 0;
  const clock = new ManualClock();
  const client = new AcmeClient(
    {
      directoryUrl: `${BASE}/directory`,
      key: AccountKey.generate(),
      clock,
      transport: async (request) => {
        requests.push(request);
        if (request.url === `${BASE}/directory`) return answer(200, {}, directory);
        const headers = { 'replay-nonce': `nonce-${++nonces}` };
        if (request.url === `${BASE}/nonce`) return answer(200, headers, undefined);
        const { status = 200, headers: more, body } = script(request, requests.length);
        return answer(status, { ...headers, ...more }, body);
      },
    },
    `${BASE}/account/1`,
  );
  return { client, requests, clock };
}

function answer(status: number, headers: TransportAnswer['headers'], body: unknown): TransportAnswer {
  return { status, headers, body: Buffer.from(body === undefined ? '' : JSON.stringify(body)) };
}

function headerOf({ body }: TransportRequest) {
  const { protected: header } = JSON.parse(String(body));
  return JSON.parse(Buffer.from(header, 'base64url').toString());
}

const problem = (type: string, detail = '') => ({ type: `urn:ietf:params:acme:error:${type}`, detail });

test('RFC 8555 6.5: every request has a nonce of its own, taken from the answer before where there is one', async () => {
  const { client, requests } = createClient(() => ({ body: {} }));
  await client.post(`${BASE}/x`, {}, NEVER);
  await client.post(`${BASE}/x`, {}, NEVER);
  const posts = requests.filter(({ method }) => method === 'POST').map(headerOf);
  assert.deepEqual(
    posts.map(({ nonce }) => nonce),
    ['nonce-1', 'nonce-2'],
  );
  assert.equal(requests.filter(({ method }) => method === 'HEAD').length, 1);
});

test('RFC 8555 6.5: a bad nonce is tried again with the one of the refusal, and not for ever', async () => {
  const { client, requests } = createClient(() => ({ status: 400, body: problem('badNonce') }));
  await assert.rejects(client.post(`${BASE}/x`, {}, NEVER), (error: AcmeError) => error.type === 'badNonce');
  const nonces = requests.filter(({ method }) => method === 'POST').map((request) => headerOf(request).nonce);
  assert.equal(nonces.length, 10);
  assert.equal(new Set(nonces).size, 10);
});

test('RFC 8555 6.5.1: what is no nonce is passed over', async () => {
  const { client, requests } = createClient(() => ({ headers: { 'replay-nonce': 'not a nonce!' }, body: {} }));
  await client.post(`${BASE}/x`, {}, NEVER);
  await client.post(`${BASE}/x`, {}, NEVER);
  assert.equal(requests.filter(({ method }) => method === 'HEAD').length, 2);
});

test('RFC 8555 6.6: a refusal for its rate says how long to wait, in seconds or until a time', async () => {
  let retryAfter = '120';
  const refusal = () => ({
    status: 429,
    headers: { 'retry-after': retryAfter },
    body: problem('rateLimited', 'too many certificates already issued'),
  });
  const { client, clock } = createClient(refusal);
  const ask = async () => {
    const outcome = await client.post(`${BASE}/x`, {}, NEVER).catch((error: AcmeError) => error);
    assert.ok(outcome instanceof AcmeError);
    return outcome;
  };
  const error = await ask();
  assert.deepEqual([error.type, error.status, error.retryAfterMs], ['rateLimited', 429, 120_000]);
  assert.equal(error.message, 'rateLimited: too many certificates already issued');
  retryAfter = new Date(clock.wall() + 3_600_000).toUTCString();
  assert.equal((await ask()).retryAfterMs, 3_600_000);
  retryAfter = 'soon';
  assert.equal((await ask()).retryAfterMs, 0);
});

test('RFC 8555 6.7.1: subproblems are told by their names, and nothing of it can break a line of the log', async () => {
  const body = {
    ...problem('rejectedIdentifier', 'some\nnames'),
    subproblems: [{ ...problem('caa', 'forbidden'), identifier: { type: 'dns', value: 'a.example' } }],
  };
  const { client } = createClient(() => ({ status: 403, body }));
  await assert.rejects(client.post(`${BASE}/x`, {}, NEVER), {
    message: 'rejectedIdentifier: some names (a.example: forbidden)',
  });
});

test('an error page instead of a problem is an error as well', async () => {
  const { client } = createClient(() => ({ status: 502, body: '<html>' }));
  await assert.rejects(client.post(`${BASE}/x`, {}, NEVER), { message: 'status 502' });
});

test('the directory is read once a day, and again after a failure', async () => {
  const { client, requests, clock } = createClient(() => ({ body: {} }));
  const reads = () => requests.filter(({ url }) => url.endsWith('/directory')).length;
  await Promise.all([client.directory(NEVER), client.directory(NEVER)]);
  assert.equal(reads(), 1);
  clock.advance(25 * 3_600_000);
  await client.directory(NEVER);
  assert.equal(reads(), 2);
  const broken = createClient(() => ({ body: {} }), { newNonce: 'x' });
  await assert.rejects(broken.client.directory(NEVER), /newNonce/);
  await assert.rejects(broken.client.directory(NEVER), /newNonce/);
  assert.equal(broken.requests.length, 2);
});

test('RFC 9773 4: the renewal window is asked for by the name of the certificate, without a signature', async () => {
  const suggestedWindow = { start: '2026-02-03T04:00:00Z', end: '2026-02-04T04:00:00Z' };
  const { client, requests } = createClient(() => ({
    headers: { 'retry-after': '21600' },
    body: { suggestedWindow, explanationURL: 'https://acme.example/why' },
  }));
  const found = await client.renewalWindow('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', NEVER);
  assert.deepEqual(found, {
    window: {
      start: Date.UTC(2026, 1, 3, 4),
      end: Date.UTC(2026, 1, 4, 4),
      explanation: 'https://acme.example/why',
    },
    retryAfterMs: 21_600_000,
  });
  const { method, url, body } = requests.at(-1) as TransportRequest;
  assert.deepEqual([method, url, body], ['GET', `${BASE}/renewal/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE`, undefined]);
});

test('RFC 9773 4.2: a window that ends before it begins is none, and a server without them has none', async () => {
  const suggestedWindow = { start: '2026-02-04T04:00:00Z', end: '2026-02-04T04:00:00Z' };
  const { client } = createClient(() => ({ body: { suggestedWindow } }));
  await assert.rejects(client.renewalWindow('a.b', NEVER), /does not end after it begins/);
  const without = createClient(() => ({}), { ...DIRECTORY, renewalInfo: undefined });
  assert.equal(await without.client.renewalWindow('a.b', NEVER), undefined);
});

test('RFC 8555 7.3: the terms are agreed to, and the account is what its answer is at', async () => {
  const { client, requests } = createClient(() => ({
    status: 201,
    headers: { location: `${BASE}/account/7` },
    body: {},
  }));
  assert.equal(
    await client.register({ contact: ['mailto:a@b.example'], binding: undefined }, NEVER),
    `${BASE}/account/7`,
  );
  const request = requests.at(-1) as TransportRequest;
  assert.ok(headerOf(request).jwk);
  const { payload } = JSON.parse(String(request.body));
  assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url').toString()), {
    termsOfServiceAgreed: true,
    contact: ['mailto:a@b.example'],
  });
});
