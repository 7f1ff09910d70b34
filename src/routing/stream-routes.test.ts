// The precedence of routes by first bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirstBytes } from '#wire/first-bytes.ts';
import { type StreamMatch, StreamRoutes } from './stream-routes.ts';

const ANY: StreamMatch = { sni: [], alpn: [], protocol: 'any' };

/** Routes by what they are called. */
function routes(given: Readonly<Record<string, Partial<StreamMatch>>>): StreamRoutes<string> {
  return new StreamRoutes(Object.entries(given).map(([target, match]) => ({ match: { ...ANY, ...match }, target })));
}

const tls = (sni: string, ...alpn: string[]): FirstBytes => ({ protocol: 'tls', sni, alpn });
const plain = (protocol: FirstBytes['protocol']): FirstBytes => ({ protocol, sni: '', alpn: [] });

test('a name stands over a wildcard, the longer wildcard over the shorter, and any of them over no name', () => {
  const table = routes({
    rest: {},
    below: { sni: ['*.example'] },
    deeper: { sni: ['*.b.example'] },
    exact: { sni: ['a.b.example', 'c.example'] },
  });
  assert.equal(table.match(tls('a.b.example')), 'exact');
  assert.equal(table.match(tls('c.example')), 'exact');
  assert.equal(table.match(tls('x.b.example')), 'deeper');
  assert.equal(table.match(tls('y.x.b.example')), 'deeper');
  assert.equal(table.match(tls('b.example')), 'below');
  assert.equal(table.match(tls('example')), 'rest');
  assert.equal(table.match(tls('')), 'rest');
  assert.equal(table.match(plain('other')), 'rest');
});

test('of one name, routes with ALPN come first, and one whose protocols are not offered is passed over', () => {
  const table = routes({
    any: { sni: ['a.example'] },
    h2: { sni: ['a.example'], alpn: ['h2', 'h3'] },
    acme: { protocol: 'tls', alpn: ['acme-tls/1'] },
  });
  assert.equal(table.match(tls('a.example', 'http/1.1', 'h2')), 'h2');
  assert.equal(table.match(tls('a.example', 'http/1.1')), 'any');
  assert.equal(table.match(tls('b.example', 'acme-tls/1')), 'acme');
  assert.equal(table.match(tls('b.example', 'h2')), undefined);
});

test('a protocol stands over none, and where all is equal the order decides', () => {
  const table = routes({ first: {}, second: {}, ssh: { protocol: 'ssh' }, tls: { protocol: 'tls' } });
  assert.equal(table.match(plain('ssh')), 'ssh');
  assert.equal(table.match(tls('a.example')), 'tls');
  assert.equal(table.match(plain('http')), 'first');
});

test('which names are known is told apart from what else a route asks for', () => {
  const table = routes({ a: { sni: ['a.example', '*.b.example'], alpn: ['h2'] }, rest: { protocol: 'ssh' } });
  assert.equal(table.match(tls('a.example')), undefined);
  assert.equal(table.hasName('a.example'), true);
  assert.equal(table.hasName('x.b.example'), true);
  assert.equal(table.hasName('b.example'), false);
  assert.equal(table.hasName(''), false);
});
