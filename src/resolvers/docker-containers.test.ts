// What labels make of containers, and what is said of those that cannot be used.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Container, type ContainerDefaults, container, selectContainers } from './docker-containers.ts';
import { describeEndpoint } from './testing.ts';

function listed(one: object): Container {
  return container.parse({
    Id: '0123456789abcdef',
    Names: ['/web-1'],
    Labels: {},
    Ports: [{ PrivatePort: 80, Type: 'tcp' }],
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' } } },
    ...one,
  });
}

function select(one: object, defaults: ContainerDefaults = {}) {
  const { endpoints, flaws } = selectContainers([listed(one)], defaults);
  return endpoints.map(describeEndpoint).join(' ') || flaws;
}

const inTwo = { NetworkSettings: { Networks: { a: { IPAddress: '10.1.0.2' }, b: { IPAddress: '10.2.0.2' } } } };
const withTwoPorts = { Ports: [80, 81].map((PrivatePort) => ({ PrivatePort, Type: 'tcp' })) };

for (const [what, one, defaults, expected] of [
  ['its only port and network need no label', {}, {}, '172.17.0.2:80'],
  ['the option port holds for all', withTwoPorts, { port: 81 }, '172.17.0.2:81'],
  ['the label port wins', { Labels: { 'tidegate.port': '82' } }, { port: 81 }, '172.17.0.2:82'],
  ['the option network holds for all', inTwo, { network: 'a' }, '10.1.0.2:80'],
  ['the label network wins', { ...inTwo, Labels: { 'tidegate.network': 'b' } }, { network: 'a' }, '10.2.0.2:80'],
  [
    'a port that is published twice is one',
    { Ports: ['0.0.0.0', '::'].map((IP) => ({ IP, PrivatePort: 80, PublicPort: 8080, Type: 'tcp' })) },
    {},
    '172.17.0.2:80',
  ],
  [
    'weight, priority and zone are labels',
    { Labels: { 'tidegate.weight': '5', 'tidegate.priority': '2', 'tidegate.zone': 'a' } },
    {},
    '172.17.0.2:80*5@2(a)',
  ],
  ['backup is a label', { Labels: { 'tidegate.backup': 'true' } }, {}, '172.17.0.2:80@1'],
  [
    'an address of IPv6 is taken where there is no other',
    { NetworkSettings: { Networks: { six: { IPAddress: '', GlobalIPv6Address: '2001:db8::2' } } } },
    {},
    '[2001:db8::2]:80',
  ],
] as const) {
  test(`containers: ${what}`, () => {
    assert.equal(select(one, defaults), expected);
  });
}

test('containers: labels of the endpoint are labels', () => {
  const Labels = { 'tidegate.label.version': 'v2', 'tidegate.label.tier': 'a', 'com.example.version': 'v1' };
  const { endpoints } = selectContainers([listed({ Labels })], {});
  assert.deepEqual(endpoints[0]?.labels, { version: 'v2', tier: 'a' });
});

for (const [what, one, defaults, expected] of [
  ['several ports', withTwoPorts, {}, /web-1: it exposes the ports 80, 81: say which/],
  ['no port', { Ports: [{ PrivatePort: 53, Type: 'udp' }] }, {}, /it exposes no TCP port/],
  ['several networks', inTwo, {}, /it is in the networks a, b: name one/],
  ['another network', inTwo, { network: 'c' }, /it is in the networks a, b, not in c/],
  ['no network', { NetworkSettings: { Networks: {} } }, {}, /it is in no network/],
  [
    'the network of the host',
    { NetworkSettings: { Networks: { host: { IPAddress: '' } } } },
    {},
    /no address of its own in the network host/,
  ],
  ['a port that is none', { Labels: { 'tidegate.port': 'http' } }, {}, /labels are not as they should be: address: /],
  ['a weight that is none', { Labels: { 'tidegate.weight': '-1' } }, {}, /labels are not as they should be: weight: /],
] as const) {
  test(`containers: one with ${what} is left out, and it is said why`, () => {
    assert.match(select(one, defaults), expected);
  });
}
