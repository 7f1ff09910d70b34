// RFC 9112 5 and RFC 9110 5: field lines of requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareGateway } from '../support/shared.ts';

const shared = shareGateway();
const { relay, sendAll } = shared;

const withLines = (...lines: readonly string[]) =>
  `GET / HTTP/1.1\r\nHost: example.com\r\n${lines.join('\r\n')}\r\n\r\n`;

for (const [clause, what, field] of [
  ['RFC 9112 5.1', 'white space before the colon', 'X-A : 1'],
  ['RFC 9112 5.1', 'a tab before the colon', 'X-A\t: 1'],
  ['RFC 9112 5.2', 'a folded line with a space', 'X-A: 1\r\n 2'],
  ['RFC 9112 5.2', 'a folded line with a tab', 'X-A: 1\r\n\t2'],
  ['RFC 9112 2.2', 'white space before the first field', ' X-A: 1'],
  ['RFC 9112 5', 'a line without a colon', 'X-A'],
  ['RFC 9112 5', 'a line with an empty name', ': 1'],
  ['RFC 9110 5.1', 'a name with a space', 'X A: 1'],
  ['RFC 9110 5.1', 'a name with a bracket', 'X(A): 1'],
  ['RFC 9110 5.1', 'a name with a byte over 0x7f', 'X\xe4: 1'],
  ['RFC 9110 5.1', 'a name with a slash', 'X/A: 1'],
  ['RFC 9110 5.5', 'a NUL in a value', 'X-A: a\0b'],
  ['RFC 9110 5.5', 'a bare CR in a value', 'X-A: a\rb'],
  ['RFC 9110 5.5', 'a bare LF in a value', 'X-A: a\nX-B: b'],
  ['RFC 9110 5.5', 'a bell in a value', 'X-A: a\x07b'],
  ['RFC 9110 5.5', 'a DEL in a value', 'X-A: a\x7fb'],
  ['RFC 9112 2.2', 'CR CR LF at the end of a line', 'X-A: a\r'],
  ['RFC 9110 7.6.1', 'a Connection that is no list of tokens', 'Connection: a b'],
] as const) {
  test(`${clause}: ${what} is answered 400, and the connection is closed`, async () => {
    const count = shared.origin.requests.length;
    const answer = await sendAll(withLines(field));
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(shared.origin.requests.length, count);
  });
}

for (const [clause, what, field, value] of [
  ['RFC 9112 5.1', 'no space behind the colon', 'X-A:1', '1'],
  ['RFC 9112 5.1', 'white space around the value', 'X-A: \t 1 2 \t ', '1 2'],
  ['RFC 9110 5.5', 'an empty value', 'X-A:', ''],
  ['RFC 9110 5.5', 'obs-text', 'X-A: caf\xe9 \xff\xa0', 'caf\xe9 \xff\xa0'],
  ['RFC 9110 5.5', 'a tab within the value', 'X-A: a\tb', 'a\tb'],
  ['RFC 9110 5.1', 'all characters of a token in the name', "x!#$%&'*+-.^`|~a: 1", '1'],
] as const) {
  test(`${clause}: ${what} is right, and the value arrives`, async () => {
    const { response, received } = await relay(withLines(field));
    assert.equal(response.status, 200);
    const name = field.slice(0, field.indexOf(':'));
    const found = received?.fields.find(([known]) => known === name)?.[1];
    assert.equal(found?.replace(/^[ \t]+|[ \t]+$/g, ''), value);
  });
}

test('RFC 9110 5.3: lines of the same name stay in their order', async () => {
  const { received } = await relay(withLines('X-A: 1', 'X-B: 2', 'x-a: 3'));
  assert.equal(received?.field('x-a'), '1, 3');
});

test('RFC 6585 5: more than 100 fields are answered 431', async () => {
  const lines = Array.from({ length: 101 }, (_, index) => `X-${index}: 1`);
  assert.match(await sendAll(withLines(...lines)), /^HTTP\/1\.1 431 /);
});

test('RFC 6585 5: 100 fields with Host are served', async () => {
  const lines = Array.from({ length: 99 }, (_, index) => `X-${index}: 1`);
  assert.equal((await relay(withLines(...lines))).response.status, 200);
});

test('RFC 6585 5: a head over 16 KiB is answered 431', async () => {
  assert.match(await sendAll(withLines(`X-A: ${'a'.repeat(17_000)}`)), /^HTTP\/1\.1 431 /);
});

test('RFC 6585 5: a field line that never ends is answered 431', async () => {
  assert.match(await sendAll(`GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(40_000)}`), /^HTTP\/1\.1 431 /);
});

for (const [what, field, twin] of [
  ['a name that shadows one that we write', 'X_Forwarded_For: 192.0.2.1', 'x_forwarded_for'],
  ['a name that shadows Content-Length', 'Content_Length: 5', 'content_length'],
  ['a name that shadows another field of the request', 'X-User: 1\r\nX_User: 2', 'x_user'],
] as const) {
  test(`RFC 3875 4.1.18: ${what} with underscores is dropped`, async () => {
    const { received } = await relay(withLines(field));
    assert.equal(received?.field(twin), undefined);
  });
}

test('RFC 9110 5.1: a name with underscores that shadows nothing is forwarded', async () => {
  const { received } = await relay(withLines('my_field: 1'));
  assert.equal(received?.field('my_field'), '1');
});

test('RFC 3875 4.1.18: Proxy is dropped, as servers would take it for a setting of theirs', async () => {
  const { received } = await relay(withLines('Proxy: http://evil.example'));
  assert.equal(received?.field('proxy'), undefined);
});
