// Endpoints from the labels of containers: listed over a Unix socket or TCP, and followed by events.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dockerResolver } from '#resolvers/docker.ts';
import { hurry, hurryStreams, runResolver } from '#resolvers/testing.ts';
import { startApi } from '../support/api-server.ts';
import { Docker } from '../support/docker.ts';

const labels = { 'tidegate.upstream': 'app' };

function follow(t: TestContext, server: string, options: object = {}) {
  return runResolver(t, dockerResolver, { server, labels: ['tidegate.upstream=app'], ...options }, hurry(10_000));
}

test('containers with the label are followed as they start, fall ill and die, over a Unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const socket = join(folder, 'docker.sock');
  const docker = await Docker.start(t, socket);
  docker.set('other', 'start', { labels: { 'tidegate.upstream': 'other' } });
  docker.set('one', 'start', { labels, networks: { bridge: '172.17.0.2' } });
  const { answers, warnings, until } = follow(t, `unix://${socket}`);
  await until(() => answers.length === 1);
  assert.equal(answers[0], '172.17.0.2:80');
  const two = { labels: { ...labels, 'tidegate.weight': '3' }, networks: { bridge: '172.17.0.3' } };
  docker.set('two', 'start', { ...two, health: 'starting' });
  await until(() => docker.lists === 2);
  assert.equal(answers.length, 1);
  docker.set('two', 'health_status: healthy', { ...two, health: 'healthy' });
  await until(() => answers.at(-1) === '172.17.0.2:80 172.17.0.3:80*3');
  docker.set('two', 'health_status: unhealthy', { ...two, health: 'unhealthy' });
  await until(() => answers.at(-1) === '172.17.0.2:80');
  docker.set('two', 'health_status: healthy', { ...two, health: 'healthy' });
  await until(() => answers.at(-1) === '172.17.0.2:80 172.17.0.3:80*3');
  docker.set('one', 'die', { labels, state: 'exited' });
  await until(() => answers.at(-1) === '172.17.0.3:80*3');
  assert.deepEqual(warnings, []);
});

test('a stream of events that breaks is said, and what happened meanwhile is found', async (t) => {
  const docker = await Docker.start(t);
  docker.set('one', 'start', { labels });
  const { answers, warnings, notes, until } = follow(t, docker.url);
  await until(() => answers.length === 1 && docker.streams === 1);
  docker.disconnect();
  docker.set('two', 'start', { labels, networks: { bridge: '172.17.0.3' } });
  await until(() => answers.at(-1) === '172.17.0.2:80 172.17.0.3:80');
  assert.equal(warnings.length, 1);
  assert.ok(notes.includes('endpoints can be found again'));
});

test('an engine that falls silent is noticed, as events are asked for anew after a time', async (t) => {
  const docker = await Docker.start(t);
  docker.set('one', 'start', { labels });
  const given = { server: docker.url, labels: ['tidegate.upstream'] };
  const { warnings, until } = runResolver(t, dockerResolver, given, hurryStreams);
  await until(() => docker.lists === 3);
  assert.deepEqual(warnings, []);
});

test('events that come together lead to few lists', async (t) => {
  const docker = await Docker.start(t);
  docker.set('one', 'start', { labels });
  const { answers, until } = follow(t, docker.url);
  await until(() => docker.lists === 1 && docker.streams === 1 && answers.length === 1);
  for (let i = 3; i < 103; i++) docker.set(`c${i}`, 'start', { labels, networks: { bridge: `172.17.0.${i}` } });
  await until(() => answers.at(-1)?.split(' ').length === 101);
  assert.ok(docker.lists < 50, `${docker.lists} lists for 100 events`);
});

test('a container that does not fit is said with its name, and the others are used', async (t) => {
  const docker = await Docker.start(t);
  docker.set('good', 'start', { labels });
  docker.set('bad', 'start', { labels: { ...labels, 'tidegate.weight': 'much' } });
  const { answers, warnings, until } = follow(t, docker.url);
  await until(() => answers.length === 1);
  assert.equal(answers[0], '172.17.0.2:80');
  assert.match(warnings[0] ?? '', /the container bad: its labels are not as they should be: weight: /);
});

test('what is no Docker Engine is said', async (t) => {
  const server = await startApi(t, (_asked, response) => response.end('hello'));
  const { warnings, until } = follow(t, server.url);
  await until(() => warnings.length === 1);
  assert.match(warnings[0] ?? '', /this is no Docker Engine/);
});

for (const server of ['/var/run/docker.sock', 'unix://docker.sock', 'ftp://10.0.0.1', 'tcp://a/b', 'tcp://me:word@a']) {
  test(`${server} is refused as server`, () => {
    const result = dockerResolver.options.safeParse({ labels: ['a'], server });
    assert.match(result.error?.issues[0]?.message ?? '', /is no address of a Docker Engine such as/);
  });
}
