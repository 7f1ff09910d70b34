// Which endpoints of which slices are taken, with which port.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSlice, type Selection, selectEndpoints } from './kubernetes-slices.ts';
import { describeEndpoint } from './testing.ts';

function select(slices: readonly object[], selection: Partial<Selection> = {}) {
  const parsed = slices.map((slice, i) =>
    endpointSlice.parse({
      metadata: { name: `slice-${i}`, resourceVersion: '1' },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 80 }],
      ...slice,
    }),
  );
  const { endpoints, flaws } = selectEndpoints(parsed, { port: undefined, family: 'any', ...selection });
  return { endpoints: endpoints.map(describeEndpoint).join(' '), flaws };
}

const pod = (address: string, conditions: object | null = { ready: true }) => ({ addresses: [address], conditions });
const ENDING = { ready: false, serving: true, terminating: true };
const GONE = { ready: false, serving: false, terminating: true };

test('only ready pods are taken; no word on it means ready', () => {
  const endpoints = [
    pod('10.0.0.1'),
    pod('10.0.0.2', { ready: false }),
    pod('10.0.0.3', null),
    pod('10.0.0.4', ENDING),
  ];
  assert.equal(select([{ endpoints }]).endpoints, '10.0.0.1:80 10.0.0.3:80');
});

test('pods that end and still serve are taken when no other is left', () => {
  const endpoints = [pod('10.0.0.1', ENDING), pod('10.0.0.2', GONE), pod('10.0.0.3', { ready: false, serving: true })];
  assert.equal(select([{ endpoints }]).endpoints, '10.0.0.1:80');
});

test('of a pod that ends, no word on whether it serves means that it does', () => {
  const endpoints = [pod('10.0.0.1', { ready: false, terminating: true }), pod('10.0.0.2', { ready: false })];
  assert.equal(select([{ endpoints }]).endpoints, '10.0.0.1:80');
});

test('a pod that two slices list while it moves between them is one endpoint', () => {
  const slices = [{ endpoints: [pod('10.0.0.1')] }, { endpoints: [pod('10.0.0.1'), pod('10.0.0.2')] }];
  assert.equal(select(slices).endpoints, '10.0.0.1:80 10.0.0.2:80');
});

test('the family chooses the slices, and names among addresses are none', () => {
  const slices = [
    { endpoints: [pod('10.0.0.1')] },
    { addressType: 'IPv6', endpoints: [pod('2001:db8::1')] },
    { addressType: 'FQDN', endpoints: [pod('a.example')] },
  ];
  assert.equal(select(slices).endpoints, '10.0.0.1:80 [2001:db8::1]:80');
  assert.equal(select(slices, { family: 'ipv4' }).endpoints, '10.0.0.1:80');
  assert.equal(select(slices, { family: 'ipv6' }).endpoints, '[2001:db8::1]:80');
});

const ports = [
  { name: 'http', port: 80 },
  { name: 'admin', port: 81 },
];

for (const [what, given, port, expected] of [
  ['a name', ports, 'admin', '10.0.0.1:81'],
  ['a number', ports, 81, '10.0.0.1:81'],
  ['a number where all ports are meant', [{ port: null }], 81, '10.0.0.1:81'],
  ['nothing where there is one', [{ name: '', port: 90 }], undefined, '10.0.0.1:90'],
] as const) {
  test(`a port is found by ${what}`, () => {
    const slice = { ports: given, endpoints: [pod('10.0.0.1')] };
    assert.deepEqual(select([slice], { port }), { endpoints: expected, flaws: '' });
  });
}

for (const [port, flaws] of [
  ['metrics', 'the slice slice-0 has the ports http 80, admin 81, not one named metrics'],
  [99, 'the slice slice-0 has the ports http 80, admin 81, not 99'],
  [undefined, 'the slice slice-0 has the ports http 80, admin 81, not exactly one: say which as port'],
] as const) {
  test(`port: ${port} that cannot be found says what there is`, () => {
    assert.deepEqual(select([{ ports, endpoints: [pod('10.0.0.1')] }], { port }), { endpoints: '', flaws });
  });
}
