// What is wrong with the options of probes and ejection is said with its place and what to write instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '#model/configuration-error.ts';
import { parseConfiguration, referencesFor } from './load.ts';

/** The problems of an upstream with these options, without lines and columns. */
function problemsOf(options: string): readonly string[] {
  try {
    parseConfiguration(
      `version: 1
listeners: { web: { address: '127.0.0.1:0' } }
routes: [{ match: { path: /* }, upstream: app }]
upstreams: { app: { endpoints: ['127.0.0.1:1'], ${options} } }`,
      referencesFor('.', {}),
    );
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
  }
}

for (const [options, problem] of [
  ['health: { type: http, path: /a b }', 'health.path: a target holds no blanks, and other characters as %20'],
  ['health: { type: http, headers: { a b: c } }', 'health.headers.a b: "a b" is not a field name'],
  [
    'health: { type: http, status: 6xx }',
    'health.status: "6xx" is not a status, a class such as 2xx or a range such as 200-204',
  ],
  ['health: { type: http, expect-headers: { a b: c } }', 'health.expect-headers.a b: "a b" is not a field name'],
  ['health: { type: http, tls: maybe }', 'health.tls: "maybe" is not valid; must be a boolean or a mapping'],
  [
    'health: { type: tcp, tls: { ca: ca.pem } }',
    'health.tls.ca: the file ca.pem cannot be read; it is relative to the configuration',
  ],
  [
    'health: { type: grpc, tls: { ca: "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----" } }',
    'health.tls.ca: certificate 1 cannot be read',
  ],
  ['health: { type: grpc, servce: a }', 'health.servce: unknown key "servce"; did you mean "service"?'],
  [
    'health: { type: tcp, initial: pass }',
    'health.initial: "pass" is not valid; must be one of takes-requests, must-pass',
  ],
  ['eject: { on: [conect] }', 'eject.on.0: "conect" is not valid; did you mean "connect"?'],
  ['eject: { latency: { time: 3 } }', 'eject.latency.time: unknown key "time"; did you mean "times"?'],
] as const) {
  test(`${options}: ${problem}`, () => {
    assert.deepEqual(problemsOf(options), [problem]);
  });
}
