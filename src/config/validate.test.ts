// What is said of configurations that are wrong: one sentence a mistake, in the words of the configuration.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigurationError } from '#model/configuration-error.ts';
import { formatPath } from './format-problems.ts';
import { parseConfiguration, referencesFor } from './load.ts';

const LISTENERS = 'listeners: { web: { address: 127.0.0.1:8080 } }';
const ROUTES = 'routes: [{ name: all, upstream: app }]';

/** The problems of a configuration, each as `path: sentence`. */
function problemsOf(text: string): readonly string[] {
  try {
    parseConfiguration(`version: 1\n${text}\n`, referencesFor('.', {}));
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  }
  return [];
}

function problemsOfUpstream(options: string): readonly string[] {
  return problemsOf(`${LISTENERS}\n${ROUTES}\nupstreams: { app: { endpoints: ['127.0.0.1:9001'], ${options} } }`);
}

function problemsOfRoute(options: string): readonly string[] {
  return problemsOf(
    `${LISTENERS}\nroutes: [{ name: all, ${options} }]\nupstreams: { app: { endpoints: ['127.0.0.1:9001'] } }`,
  );
}

describe('bounds', () => {
  it('says the bound of a number', () => {
    assert.deepEqual(problemsOfUpstream('retry: { attempts: 0 }'), [
      'upstreams.app.retry.attempts: must be at least 1',
    ]);
    assert.deepEqual(problemsOf(`workers: 5000\n${LISTENERS}`), ['workers: must be at most 256']);
  });

  it('says the bound of a text without the text, which may be a secret', () => {
    assert.deepEqual(problemsOf(`admin: { token: abc }\n${LISTENERS}`), [
      'admin.token: must have at least 8 characters',
    ]);
  });

  it('says that a list lacks items', () => {
    assert.deepEqual(problemsOfUpstream('health: { type: command, run: [] }'), [
      'upstreams.app.health.run: must have at least 1 item',
    ]);
    assert.deepEqual(problemsOfRoute('upstream: { split: [] }'), [
      'routes[0].upstream.split: must have at least 1 item',
    ]);
  });

  it('refuses a time of nothing where it would never let anything happen, or always', () => {
    for (const options of [
      'health: { type: tcp, interval: 0s }',
      'timeouts: { connect: 0ms }',
      'eject: { window: 0s }',
    ])
      assert.match(problemsOfUpstream(options).join(), /"0m?s" is no time at all; it must be longer/);
    assert.deepEqual(problemsOfUpstream('retry: { backoff: 0ms }'), []);
  });

  it('refuses a least limit of concurrency above the greatest', () => {
    assert.deepEqual(problemsOfUpstream('concurrency: { limit: adaptive, min: 10, max: 5 }'), [
      'upstreams.app.concurrency.max: 5 is less than min, 10',
    ]);
  });
});

describe('choices', () => {
  it('names all that may stand there, values and types', () => {
    assert.deepEqual(problemsOfUpstream('concurrency: { limit: auto }'), [
      'upstreams.app.concurrency.limit: "auto" is not valid; must be adaptive or a number',
    ]);
    assert.deepEqual(problemsOfRoute('redirect: { to: /, status: 200 }'), [
      'routes[0].redirect.status: 200 is not valid; must be one of 301, 302, 303, 307, 308',
    ]);
    assert.deepEqual(problemsOfUpstream('health: { type: tcp, tls: "yes" }'), [
      'upstreams.app.health.tls: "yes" is not valid; must be a boolean or a mapping',
    ]);
  });

  it('names the keys of which a mapping needs one', () => {
    assert.deepEqual(problemsOfRoute('upstream: app, match: { headers: { x: {} } }'), [
      'routes[0].match.headers.x: must have one of equals, prefix, matches, present',
    ]);
  });

  it('says the nearest word for a wrong key alone', () => {
    assert.deepEqual(problemsOfRoute('upstream: app, match: { headers: { x: { equal: "1" } } }'), [
      'routes[0].match.headers.x.equal: unknown key "equal"; did you mean "equals"?',
    ]);
    assert.deepEqual(problemsOfUpstream('balancer: { type: consistent-hash, key: { cookies: a } }'), [
      'upstreams.app.balancer.key.cookies: unknown key "cookies"; did you mean "cookie"?',
    ]);
  });

  it('calls mappings and lists what they are called in YAML', () => {
    assert.deepEqual(problemsOfUpstream('retry: false'), [
      'upstreams.app.retry: must be a mapping, not the boolean false',
    ]);
    assert.deepEqual(problemsOfUpstream('retry: { on: connect }'), [
      'upstreams.app.retry.on: must be a list, not the string "connect"',
    ]);
  });
});

describe('mistakes that follow from others', () => {
  it('says nothing of an upstream that is missing because it is wrong in itself', () => {
    assert.deepEqual(problemsOf(`${LISTENERS}\n${ROUTES}\nupstreams: { app: }`), [
      'upstreams.app: must be a mapping, not nothing (null)',
    ]);
  });

  it('says nothing of endpoints that are missing because they are wrong in themselves', () => {
    assert.deepEqual(problemsOf(`${LISTENERS}\n${ROUTES}\nupstreams: { app: { endpoints: '127.0.0.1:9001' } }`), [
      'upstreams.app.endpoints: must be a list, not the string "127.0.0.1:9001"',
    ]);
  });

  it('says what is wrong beside a variable that is not set, and nothing more of that', () => {
    assert.deepEqual(problemsOf(`${LISTENERS}\nadmin: { address: '${'$'}{env:NONE}', adress: x }`), [
      'admin.address: the environment variable NONE is not set',
      'admin.adress: unknown key "adress"; did you mean "address"?',
    ]);
  });

  it('still says what else is wrong', () => {
    const problems = problemsOf(
      `${LISTENERS}\nroutes: [{ name: all, upstream: ap }]\nupstreams: { app: { retry: { attempts: 0 } } }`,
    );
    assert.deepEqual(problems, [
      'upstreams.app.retry.attempts: must be at least 1',
      'routes[0].upstream: no upstream is named "ap"; did you mean "app"?',
      'upstreams.app: an upstream needs exactly one of endpoints and resolve',
    ]);
  });
});

describe('fields', () => {
  it('refuses a Host field that no request could carry', () => {
    assert.deepEqual(problemsOfUpstream('host: a b'), [
      'upstreams.app.host: "a b" is neither keep nor endpoint, nor a name with or without a port',
    ]);
    for (const host of ['keep', 'endpoint', 'example.com', 'example.com:8080', '"[::1]:80"'])
      assert.deepEqual(problemsOfUpstream(`host: ${host}`), []);
  });

  it('refuses a condition on a field that cannot be', () => {
    assert.deepEqual(problemsOfRoute('upstream: app, match: { headers: { x y: "1" } }'), [
      'routes[0].match.headers.x y: "x y" is not a field name',
    ]);
  });

  it('refuses fields of a wake hook that is no request', () => {
    assert.deepEqual(problemsOfUpstream('wake: { command: [/bin/true], headers: { a: b } }'), [
      'upstreams.app.wake.headers: is of a request to url',
    ]);
  });
});
