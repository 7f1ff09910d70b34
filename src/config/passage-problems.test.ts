// What is told of listeners whose parts do not fit together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from './load.ts';

const UPSTREAMS = `upstreams: { back: { endpoints: ['127.0.0.1:9', 'unix:/run/x.sock'], send-proxy-protocol: v1 } }`;

/** What is wrong with a configuration of one listener, as `path: message`. */
function problems(listener: string, upstreams = UPSTREAMS): readonly string[] {
  const text = `version: 1\nlisteners: { front: { address: '127.0.0.1:1', ${listener} } }\n${upstreams}`;
  try {
    parseConfiguration(text, referencesFor('.', {}));
    return [];
  } catch (error) {
    const { problems } = error as { problems: readonly { path: readonly unknown[]; message: string }[] };
    return problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
  }
}

const TLS = 'tls: { certificates: [{ cert: a.pem, key: a.key }] }';

for (const [listener, expected] of [
  ['protocol: tcp', ': a listener with protocol: tcp needs an upstream, or routes'],
  ['protocol: udp', ': a listener with protocol: udp needs an upstream'],
  ['protocol: tcp, upstream: bak', 'upstream: no upstream is named "bak"; did you mean "back"?'],
  ['upstream: back', 'upstream: is for protocol: tcp and udp; with http, routes say where requests go'],
  ['routes: [{ upstream: back }]', 'routes: is for protocol: tcp; those of requests stand beside listeners'],
  ['protocol: tcp, upstream: back, udp: { idle: 1s }', 'udp: is for protocol: udp'],
  [
    'protocol: tcp, upstream: back, routes: [{ upstream: back }]',
    'upstream: write it as the last of the routes: { upstream: … }',
  ],
  ['protocol: tcp, routes: []', 'routes: at least one route is needed'],
  ['protocol: tcp, routes: [{ protocol: ssh }]', 'routes.0: a route needs exactly one of upstream and http: true'],
  [
    'protocol: tcp, routes: [{ http: true, upstream: back }]',
    'routes.0: a route needs exactly one of upstream and http: true',
  ],
  [
    'protocol: tcp, routes: [{ protocol: ssh, sni: a.example, upstream: back }]',
    'routes.0.protocol: only TLS has sni and alpn',
  ],
  ...['protocol: tls', 'sni: a.example', 'alpn: h2'].map(
    (condition) =>
      [
        `protocol: tcp, routes: [{ ${condition}, http: true }]`,
        'routes.0.http: needs the section tls of the listener, where TLS is to end here',
      ] as const,
  ),
  ...['protocol: ssh', 'protocol: proxy'].map(
    (condition) =>
      [
        `protocol: tcp, routes: [{ ${condition}, http: true }]`,
        'routes.0.http: is for connections of HTTP; write protocol: http, or tls',
      ] as const,
  ),
  [
    'protocol: tcp, routes: [{ protocol: tls, terminate: true, upstream: back }]',
    'routes.0.terminate: needs the section tls of the listener',
  ],
  [
    `protocol: tcp, ${TLS}, routes: [{ terminate: true, upstream: back }]`,
    'routes.0.terminate: is for connections of TLS; write protocol: tls',
  ],
  [
    `protocol: tcp, ${TLS}, routes: [{ sni: a.example, terminate: true, http: true }]`,
    'routes.0.terminate: is of an upstream; with http: true TLS ends here anyhow',
  ],
  [
    `protocol: tcp, ${TLS}, routes: [{ upstream: back }]`,
    'tls: none of the routes ends TLS here: write terminate: true, or http: true',
  ],
  [`protocol: udp, upstream: back, ${TLS}`, 'tls: is for protocol: http and tcp'],
  [
    TLS.replace('tls: {', 'tls: { alpn: x,'),
    'tls.alpn: is for protocol: tcp; with http it follows from what is spoken',
  ],
  [
    'protocol: tcp, routes: [{ sni: [a.example, "[2001:db8::1]"], upstream: back }]',
    'routes.0.sni.1: "[2001:db8::1]" is an address; clients ask for names only',
  ],
  ['protocol: tcp, routes: [{ upstream: bak }]', 'routes.0.upstream: no upstream is named "bak"; did you mean "back"?'],
  [
    'protocol: udp, upstream: back, proxy-protocol: [10.0.0.0/8]',
    'proxy-protocol: is for connections; datagrams come without a header',
  ],
] as const) {
  test(`a listener with { ${listener} } is told what is wrong with it`, () => {
    assert.ok(problems(listener).includes(expected), problems(listener).join('\n'));
  });
}

test('an upstream of a UDP listener has no TLS', () => {
  assert.deepEqual(
    problems('protocol: udp, upstream: back', "upstreams: { back: { endpoints: ['127.0.0.1:9'], tls: {} } }"),
    ['tls: is for connections; the datagrams of a listener go as they are'],
  );
});

test('an upstream of a UDP listener has no endpoint on a Unix socket, and sends no header of version 1', () => {
  assert.deepEqual(problems('protocol: udp, upstream: back'), [
    'send-proxy-protocol: version 1 has no form for UDP; write v2',
    'endpoints.1: a Unix socket takes no datagrams of a listener',
  ]);
});

test('a UDP listener is on no Unix socket', () => {
  const text = `version: 1\nlisteners: { front: { address: 'unix:/run/f.sock', protocol: udp, upstream: back } }\n${UPSTREAMS}`;
  assert.throws(() => parseConfiguration(text, referencesFor('.', {})), /needs an address and a port/);
});
