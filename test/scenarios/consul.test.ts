// Endpoints from Consul: blocking queries by the rules of its index, weights, checks and tags, outages.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { consulResolver } from '#resolvers/consul.ts';
import { hurry, runResolver } from '#resolvers/testing.ts';
import { type ApiServer, json, startApi } from '../support/api-server.ts';

/** One service of Consul: answers at once when something has changed since `index`, else when it does. */
class Consul {
  #index = 1;
  #instances: readonly object[] = [];
  readonly #waiting: ServerResponse[] = [];
  readonly server: ApiServer;

  private constructor(server: ApiServer) {
    this.server = server;
  }

  static async start(t: TestContext): Promise<Consul> {
    const server = await startApi(t, ({ query }, response) => {
      if (Number(query.get('index') ?? 0) === consul.#index) consul.#waiting.push(response);
      else consul.#answer(response);
    });
    const consul = new Consul(server);
    return consul;
  }

  /** The index that each question brought. */
  get asked(): readonly (string | null)[] {
    return this.server.requests.map(({ query }) => query.get('index'));
  }

  set(index: number, ...instances: readonly object[]): void {
    this.#index = index;
    this.#instances = instances;
    for (const response of this.#waiting.splice(0)) this.#answer(response);
  }

  #answer(response: ServerResponse): void {
    response.setHeader('x-consul-index', String(this.#index));
    json(response, this.#instances);
  }
}

function instance(address: string, service: object = {}, statuses: readonly string[] = ['passing']): object {
  return {
    Node: { Node: 'n1', Address: '10.9.9.9' },
    Service: { Service: 'web', Address: address, Port: 80, Tags: [], Weights: { Passing: 1, Warning: 1 }, ...service },
    Checks: statuses.map((Status) => ({ Status })),
  };
}

function follow(t: TestContext, { server }: Consul, options: object = {}) {
  return runResolver(t, consulResolver, { service: 'web', server: server.url, ...options }, hurry(10_000));
}

test('a question waits behind the index of the last answer, and changes come as they happen', async (t) => {
  const consul = await Consul.start(t);
  consul.set(7, instance('10.0.0.1'));
  const { answers, warnings, until } = follow(t, consul, { datacenter: 'eu', token: 'secret', wait: '60s' });
  await until(() => consul.asked.length === 2);
  assert.deepEqual(answers, ['10.0.0.1:80']);
  consul.set(9, instance('10.0.0.1'), instance('10.0.0.2'));
  await until(() => answers.at(-1) === '10.0.0.1:80 10.0.0.2:80' && consul.asked.length === 3);
  assert.deepEqual(consul.asked, [null, '7', '9']);
  const [first] = consul.server.requests;
  assert.equal(first?.path, '/v1/health/service/web');
  assert.equal(first?.query.toString(), 'wait=60s&passing=1&dc=eu');
  assert.equal(first?.headers['x-consul-token'], 'secret');
  assert.deepEqual(warnings, []);
});

test('an index that goes backwards, or is 0, begins anew', async (t) => {
  const consul = await Consul.start(t);
  consul.set(500, instance('10.0.0.1'));
  const { answers, until } = follow(t, consul);
  await until(() => consul.asked.length === 2);
  consul.set(3, instance('10.0.0.2'));
  await until(() => consul.asked.length === 4);
  consul.set(0, instance('10.0.0.3'));
  await until(() => consul.asked.length === 5);
  assert.deepEqual(consul.asked, [null, '500', null, '3', null]);
  assert.equal(answers.at(-1), '10.0.0.3:80');
});

test('an instance without an address has that of its node; one without a port is said and left out', async (t) => {
  const consul = await Consul.start(t);
  consul.set(1, instance(''), instance('10.0.0.2', { Port: 0 }));
  const { answers, warnings, until } = follow(t, consul);
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.9.9.9:80');
  assert.match(warnings[0] ?? '', /some endpoints .*10\.0\.0\.2 has no port/);
});

test('weights and zones are taken over: the weight of a warning where it is one', async (t) => {
  const consul = await Consul.start(t);
  const Weights = { Passing: 10, Warning: 2 };
  consul.set(
    1,
    instance('10.0.0.1', { Weights, Locality: { Region: 'eu', Zone: 'eu-1a' } }),
    instance('10.0.0.2', { Weights }, ['passing', 'warning']),
    instance('10.0.0.3', { Weights }, ['critical']),
  );
  const { answers, until } = follow(t, consul, { checks: 'warning' });
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.0.0.1:80*10(eu-1a) 10.0.0.2:80*2');
  assert.equal(consul.server.requests[0]?.query.has('passing'), false);
});

test('checks: any takes what is critical as well', async (t) => {
  const consul = await Consul.start(t);
  consul.set(1, instance('10.0.0.1', {}, ['critical']));
  const { answers, until } = follow(t, consul, { checks: 'any' });
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.0.0.1:80');
});

test('only instances with all of the tags are taken; a filter is for Consul', async (t) => {
  const consul = await Consul.start(t);
  consul.set(1, instance('10.0.0.1', { Tags: ['a', 'b'] }), instance('10.0.0.2', { Tags: ['a'] }));
  const { answers, until } = follow(t, consul, { tags: ['a', 'b'], filter: 'Service.Meta.v == "2"' });
  await until(() => answers.length === 1);
  assert.equal(answers[0], '10.0.0.1:80');
  assert.equal(consul.server.requests[0]?.query.get('filter'), 'Service.Meta.v == "2"');
});

test('an outage keeps what is known, is said once, and ends with a question that does not wait', async (t) => {
  const consul = await Consul.start(t);
  consul.set(7, instance('10.0.0.1'));
  const { answers, warnings, notes, until } = follow(t, consul);
  await until(() => consul.asked.length === 2);
  const port = Number(new URL(consul.server.url).port);
  consul.server.stop();
  await until(() => warnings.some((warning) => /ECONNREFUSED/.test(warning)));
  const said = warnings.length;
  assert.deepEqual(answers, ['10.0.0.1:80']);
  consul.set(8, instance('10.0.0.2'));
  await consul.server.listen(port);
  await until(() => answers.length === 2);
  assert.equal(answers[1], '10.0.0.2:80');
  assert.equal(consul.asked.at(2), null);
  assert.equal(warnings.length, said);
  assert.ok(notes.includes('endpoints can be found again'));
});

test('a refusal is said with what Consul says', async (t) => {
  const server = await startApi(t, (_asked, response) =>
    response.writeHead(403).end('Permission denied: ACL not found'),
  );
  const { warnings, until } = runResolver(t, consulResolver, { service: 'web', server: server.url });
  await until(() => warnings.length === 1);
  assert.match(warnings[0] ?? '', /status 403: Permission denied: ACL not found/);
});

test('an answer that does not come in the time of the wait is an outage', async (t) => {
  const server = await startApi(t, () => undefined);
  const given = { service: 'web', server: server.url, wait: '1s' };
  const { warnings, delays, until } = runResolver(t, consulResolver, given, (delayMs) => delayMs / 100);
  await until(() => warnings.length === 1);
  assert.match(warnings[0] ?? '', /no answer in time/);
  // The wait, a sixteenth of it, and time for the answer itself.
  assert.equal(delays[0], 1000 + 62.5 + 10_000);
});

for (const [onEmpty, last] of [
  ['keep', '10.0.0.1:80'],
  ['clear', ''],
] as const) {
  test(`when no instance passes, on-empty: ${onEmpty} does so`, async (t) => {
    const consul = await Consul.start(t);
    consul.set(7, instance('10.0.0.1'));
    const { answers, warnings, until } = follow(t, consul, { 'on-empty': onEmpty });
    await until(() => consul.asked.length === 2);
    consul.set(8);
    await until(() => answers.length === 2 || warnings.length === 1);
    assert.equal(answers.at(-1), last);
  });
}

for (const wait of ['0s', '11m']) {
  test(`a wait of ${wait}, which Consul would take for another one, is refused`, () => {
    const { error } = consulResolver.options.safeParse({ service: 'web', wait });
    assert.equal(error?.issues[0]?.message, 'must be from 1s to 10m');
  });
}
