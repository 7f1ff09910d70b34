// What every policy is held to, run over the registry.
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { isPending, type ResponseOrPending } from '#model/handler.ts';
import type { PolicyModule } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import { toJsonSchema } from '#schema/json-schema.ts';
import { policies } from './index.ts';

const FRAMING = ['connection', 'content-length', 'host', 'keep-alive', 'te', 'transfer-encoding', 'upgrade'];

/** The options of a policy's own example. */
function exampleOptions(policy: PolicyModule): unknown {
  const { type, ...options } = parse(policy.example ?? '') as Record<string, unknown>;
  assert.equal(type, policy.type);
  return policy.options.parse(options);
}

function create(policy: PolicyModule) {
  return policy.create(exampleOptions(policy), createTestHost());
}

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
}

/** Paths of options without a description. */
function undescribed(schema: Described, path: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => [
    ...(option.description ? [] : [`${path}${name}`]),
    ...undescribed(option, `${path}${name}.`),
    ...undescribed(option.items ?? {}, `${path}${name}[].`),
  ]);
}

test('every file of the folder is in the registry, and named for its type', () => {
  const files = globSync('*.ts', { cwd: import.meta.dirname }).map((file) => basename(file, '.ts'));
  const modules = files.filter((file) => file !== 'index' && !file.endsWith('.test'));
  assert.deepEqual(policies.map(({ type }) => type).toSorted(), modules.toSorted());
});

for (const policy of policies) {
  test(`${policy.type}: has a summary of one sentence and an example that its options accept`, () => {
    assert.match(policy.summary, /^[A-Z].*\.$/);
    assert.doesNotThrow(() => exampleOptions(policy));
  });

  test(`${policy.type}: describes every option`, () => {
    const schema = toJsonSchema(policy.options, {}) as Described;
    assert.ok(Object.keys(schema.properties ?? {}).length > 0);
    assert.deepEqual(undescribed(schema, ''), []);
  });

  test(`${policy.type}: refuses an option it does not know`, () => {
    const { success } = policy.options.safeParse({ 'no-such-option': 1 });
    assert.equal(success, false);
  });

  test(`${policy.type}: gives a response at once when the handler behind does`, () => {
    const handler = create(policy)(() => createTestResponse());
    let answer: ResponseOrPending | undefined;
    try {
      answer = handler(createTestExchange());
    } catch (error) {
      assert.ok(error instanceof ProxyError, String(error));
    }
    // Proof of an identity may take a hash that is slow on purpose, and so off the thread.
    if (policy.type !== 'basic-auth') assert.ok(answer === undefined || !isPending(answer));
  });

  test(`${policy.type}: lets an error of the handler behind pass as it is`, async () => {
    const failure = new ProxyError('connection_refused');
    let reached = false;
    const handler = create(policy)(() => {
      reached = true;
      throw failure;
    });
    const outcome = await Promise.resolve()
      .then(() => handler(createTestExchange()))
      .catch((error: unknown) => error);
    if (reached) assert.equal(outcome, failure);
    else assert.ok(outcome instanceof ProxyError || isResponse(outcome), String(outcome));
  });

  test(`${policy.type}: lets a rejection of the handler behind pass as it is`, async () => {
    const failure = new ProxyError('connection_refused');
    let reached = false;
    const handler = create(policy)(() => {
      reached = true;
      return Promise.reject(failure);
    });
    const outcome = await Promise.resolve()
      .then(() => handler(createTestExchange()))
      .catch((error: unknown) => error);
    if (reached) assert.equal(outcome, failure);
  });

  test(`${policy.type}: writes no framing fields`, async () => {
    const exchange = createTestExchange();
    const handler = create(policy)(() => createTestResponse());
    const outcome = await Promise.resolve()
      .then(() => handler(exchange))
      .catch(() => createTestResponse());
    for (const name of FRAMING) {
      assert.equal(exchange.request.fields.has(name), false, `request ${name}`);
      assert.equal(outcome.fields.has(name), false, `response ${name}`);
    }
  });

  test(`${policy.type}: serves one exchange after another without a memory of the first`, async () => {
    const handler = create(policy)(() => createTestResponse());
    const run = () =>
      Promise.resolve()
        .then(() => handler(createTestExchange({ clientAddress: '198.51.100.7' })))
        .then(
          ({ status }) => status,
          (error: ProxyError) => error.status,
        );
    assert.equal(await run(), await run());
  });
}

function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'status' in value;
}
