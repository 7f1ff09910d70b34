// Authorities: which are accepted, and what is read from them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { parseAuthority } from './authority.ts';

test('host and port are told apart, and -1 stands for no port', () => {
  assert.deepEqual(parseAuthority('example.com:8080'), { host: 'example.com', port: 8080 });
  assert.deepEqual(parseAuthority('example.com'), { host: 'example.com', port: -1 });
  assert.deepEqual(parseAuthority('192.0.2.1:0'), { host: '192.0.2.1', port: 0 });
});

test('RFC 3986 3.2.3: an empty port is no port', () => {
  assert.deepEqual(parseAuthority('example.com:'), { host: 'example.com', port: -1 });
});

test('RFC 3986 3.2.2: the case of a host does not matter', () => {
  assert.equal(parseAuthority('ExAmple.COM')?.host, 'example.com');
});

test('a trailing dot names the same host', () => {
  assert.deepEqual(parseAuthority('example.com.:80'), { host: 'example.com', port: 80 });
});

test('an IPv6 address stays in brackets', () => {
  assert.deepEqual(parseAuthority('[2001:DB8::1]:443'), { host: '[2001:db8::1]', port: 443 });
  assert.deepEqual(parseAuthority('[::1]'), { host: '[::1]', port: -1 });
  assert.deepEqual(parseAuthority('[::ffff:192.0.2.1]'), { host: '[::ffff:192.0.2.1]', port: -1 });
  assert.deepEqual(parseAuthority('[1:2:3:4:5:6:7:8]:'), { host: '[1:2:3:4:5:6:7:8]', port: -1 });
});

test('what is no IPv6 address is refused within brackets', () => {
  const bad = [
    '[',
    '[]',
    '[:]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1]]',
    '[:::]',
    '[1::2::3]',
    '[1:2:3]',
    '[1.2.3.4]',
    '[g::1]',
  ];
  for (const text of [
    ...bad,
    '[::1%eth0]',
    '[v1.a:b]',
    '[12345::]',
    '[1:2:3.4:5:6:7:8]',
    '[::256.0.0.1]',
    '[1:2:3:4:5:6:7:8:9]',
  ])
    assert.equal(parseAuthority(text), undefined, text);
});

test('an IPv6 address without brackets is refused', () => {
  assert.equal(parseAuthority('::1'), undefined);
  assert.equal(parseAuthority('2001:db8::1'), undefined);
});

test('a port is at most five digits and 65535', () => {
  assert.equal(parseAuthority('a:65535')?.port, 65535);
  for (const port of ['65536', '99999', '000080', '-1', '+1', '8a', ' 80', '80 ', '0x50']) {
    assert.equal(parseAuthority(`a:${port}`), undefined, port);
  }
});

test('RFC 9110 4.2.4: user information is refused', () => {
  for (const text of ['user@example.com', 'user:password@example.com', '@example.com']) {
    assert.equal(parseAuthority(text), undefined, text);
  }
});

test('a host that is empty, or has an empty label, is refused', () => {
  for (const text of ['', ':80', '.', '.:80', '..', 'a..b', 'a..']) assert.equal(parseAuthority(text), undefined, text);
});

test('slashes, spaces, controls, obs-text and delimiters are refused', () => {
  for (const character of '/\\?#@ \t\r\n\0\x7f"<>[]{}|^`\u00e9\u0130') {
    assert.equal(parseAuthority(`a${character}b`), undefined, JSON.stringify(character));
  }
});

test('a percent-encoding in a host is refused when it is broken', () => {
  assert.equal(parseAuthority('%41.example')?.host, '%41.example');
  for (const text of ['%', '%4', '%zz', 'a%']) assert.equal(parseAuthority(text), undefined, text);
});

test('a very long authority is refused', () => {
  assert.equal(parseAuthority('a'.repeat(301)), undefined);
});

test('asking again, even after very many other hosts, gives the same answer', () => {
  const before = parseAuthority('example.com:81');
  for (let i = 0; i < 3000; i++) assert.equal(parseAuthority(`h${i}.example`)?.host, `h${i}.example`);
  assert.deepEqual(parseAuthority('example.com:81'), before);
});

test('whatever comes in, a host that comes out is lower case and reads as itself', () => {
  const text = fc.array(fc.constantFrom(...'aZ0.-_:[]%4@/ \t*'.split(''), '::', 'example', '443'), { maxLength: 12 });
  fc.assert(
    fc.property(
      text.map((parts) => parts.join('')),
      (authority) => {
        const parsed = parseAuthority(authority);
        if (!parsed) return;
        assert.match(parsed.host, /^[^A-Z\s@/]+$/);
        assert.deepEqual(parseAuthority(parsed.host), { host: parsed.host, port: -1 });
      },
    ),
  );
});
