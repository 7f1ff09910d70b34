// Gets one certificate by ACME: order, proofs, request, download (RFC 8555 section 7.4). Knows nothing of when, nor of where it is kept.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '#lib/clock.ts';
import type { Timers } from '#lib/timers.ts';
import type { KeyType } from '#server/certificates/key-type.ts';
import { pause } from '#server/certificates/pause.ts';
import { type CertificateAndKey, createRequest, generateKeys, keyToPem } from '#server/certificates/x509.ts';
import type { AcmeAnswer, AcmeClient } from './acme-client.ts';
import { AcmeError, acmeError } from './acme-error.ts';
import {
  type Authorization,
  type Challenge,
  identifierOf,
  type Order,
  readAuthorization,
  readOrder,
} from './directory.ts';
import type { Solver, Task } from './solver.ts';

/** How often the server is asked what has become of something, where it does not say how often. */
const FIRST_POLL_MS = 500;
const MAX_POLL_MS = 10_000;
const MAX_CERTIFICATES = 10;

export interface Wanted {
  /** Names in lower case and IP addresses, at least one. */
  readonly names: readonly string[];
  readonly keyType: KeyType;
  /** A profile of the server's; '' for its default. */
  readonly profile: string;
  /** What RFC 9773 calls the certificate that this one replaces; '' for none. */
  readonly replaces: string;
}

export interface ObtainHost {
  readonly client: AcmeClient;
  readonly solver: Solver;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Resolves with the chain and its new key. Rejects with an `AcmeError` or another; every challenge is taken back in any case. */
export async function obtain(wanted: Wanted, host: ObtainHost, signal: AbortSignal): Promise<CertificateAndKey> {
  const { client } = host;
  const { url, order } = await placeOrder(client, wanted, signal);
  await prove(order.authorizations, host, signal);
  const ready = await poll(host, url, readOrder, isOrderPending, signal);
  if (ready.status !== 'ready') throw orderFailure(ready);
  const keys = await generateKeys(wanted.keyType);
  const csr = (await createRequest(keys, wanted.names)).toString('base64url');
  await client.post(ready.finalize, { csr }, signal);
  const done = await poll(host, url, readOrder, ({ status }) => status === 'processing' || status === 'ready', signal);
  if (done.status !== 'valid' || done.certificate === undefined) throw orderFailure(done);
  const { text } = await client.post(done.certificate, undefined, signal);
  return checkChain({ chain: text, key: keyToPem(keys) }, wanted.names);
}

async function placeOrder(
  client: AcmeClient,
  { names, profile, replaces }: Wanted,
  signal: AbortSignal,
): Promise<{ readonly url: string; readonly order: Order }> {
  const { newOrder } = await client.directory(signal);
  const request = { identifiers: names.map(identifierOf), ...(profile !== '' && { profile }) };
  const answer = await placeReplacing(client, newOrder, request, replaces, signal);
  if (answer.location === undefined) throw new Error('the ACME server gave no URL of the order');
  return { url: answer.location, order: readOrder(answer.content) };
}

/** RFC 9773 section 5: a server may refuse an order for what it says to replace; without that it may be right. */
async function placeReplacing(
  client: AcmeClient,
  url: string,
  request: object,
  replaces: string,
  signal: AbortSignal,
): Promise<AcmeAnswer> {
  const { renewalInfo } = await client.directory(signal);
  if (replaces === '' || renewalInfo === undefined) return await client.post(url, request, signal);
  try {
    return await client.post(url, { ...request, replaces }, signal);
  } catch (error) {
    const isAboutReplacing =
      error instanceof AcmeError && ['alreadyReplaced', 'malformed', 'unauthorized'].includes(error.type);
    if (!isAboutReplacing) throw error;
    return await client.post(url, request, signal);
  }
}

/** Proves all names that the server does not believe us already. */
async function prove(urls: readonly string[], host: ObtainHost, signal: AbortSignal): Promise<void> {
  const { client, solver } = host;
  const open: { readonly url: string; readonly challenge: Challenge; readonly task: Task }[] = [];
  for (const url of urls) {
    const authorization = readAuthorization((await client.post(url, undefined, signal)).content);
    if (authorization.status === 'valid') continue;
    if (authorization.status !== 'pending') throw authorizationFailure(authorization, solver.type);
    const challenge = pickChallenge(authorization, solver.type);
    const { token } = challenge;
    open.push({ url, challenge, task: { name: authorization.name, token, keyAuthorization: client.authorize(token) } });
  }
  if (open.length === 0) return;
  const cleanup = await solver.solve(
    open.map(({ task }) => task),
    signal,
  );
  try {
    for (const { challenge } of open) await client.post(challenge.url, {}, signal);
    for (const { url } of open) {
      const settled = await poll(host, url, readAuthorization, ({ status }) => status === 'pending', signal);
      if (settled.status !== 'valid') throw authorizationFailure(settled, solver.type);
    }
  } finally {
    await cleanup();
  }
}

function pickChallenge({ name, isWildcard, challenges }: Authorization, type: Solver['type']): Challenge {
  const challenge = challenges.find((candidate) => candidate.type === type && candidate.token !== '');
  if (challenge) return challenge;
  const offered = challenges.map((candidate) => candidate.type).join(', ') || 'nothing';
  throw new Error(
    `the ACME server wants ${offered} for ${isWildcard ? '*.' : ''}${name}, and the configuration says ${type}`,
  );
}

/** Asks for an object until it is no longer pending. */
async function poll<Shape>(
  { client, timers }: ObtainHost,
  url: string,
  read: (value: unknown) => Shape,
  isPending: (value: Shape) => boolean,
  signal: AbortSignal,
): Promise<Shape> {
  for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * 2, MAX_POLL_MS)) {
    const answer = await client.post(url, undefined, signal);
    const value = read(answer.content);
    if (!isPending(value)) return value;
    await pause(timers, answer.retryAfterMs > 0 ? answer.retryAfterMs : waitMs, signal);
  }
}

/** The proofs are in, and the server may need a moment to see that. */
function isOrderPending({ status }: Order): boolean {
  return status === 'pending';
}

function orderFailure({ status, error }: Order): Error {
  return error === undefined ? new Error(`the order has become ${status}`) : acmeError(error);
}

function authorizationFailure({ name, status, challenges }: Authorization, type: string): Error {
  const failed = challenges.find(({ error }) => error !== undefined);
  if (!failed) return new Error(`the authorization of ${name} has become ${status}`);
  const { type: kind, message } = acmeError(failed.error);
  const detail = `${message} (${type} of ${name})`.slice(kind === '' ? 0 : kind.length + 2);
  return new AcmeError({ type: kind, detail, status: 0, retryAfterMs: 0 });
}

/** Takes a chain from the server for what it must be: PEM of certificates alone, first ours, then each the issuer of the one before. */
function checkChain({ chain, key }: CertificateAndKey, names: readonly string[]): CertificateAndKey {
  // RFC 8555 section 9.1: "Clients MUST verify that no other PEM labels are present."
  const blocks = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const others = (chain.match(/-----BEGIN /g) ?? []).length !== blocks.length;
  if (blocks.length === 0 || blocks.length > MAX_CERTIFICATES || others)
    throw new Error('the ACME server gave no chain of certificates in PEM');
  const [leaf, ...issuers] = blocks.map((block) => new X509Certificate(block));
  if (!leaf) throw new Error('the ACME server gave no certificate');
  if (!leaf.checkPrivateKey(createPrivateKey(key)))
    throw new Error('the certificate of the ACME server is for another key');
  const missing = names.filter((name) => !covers(leaf, name));
  if (missing.length > 0) throw new Error(`the certificate of the ACME server is not for ${missing.join(', ')}`);
  return { chain: [leaf, ...issuers].map((certificate) => certificate.toString()).join(''), key };
}

function covers(leaf: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return leaf.checkIP(name) !== undefined;
  return (leaf.subjectAltName ?? '').toLowerCase().split(', ').includes(`dns:${name}`);
}
