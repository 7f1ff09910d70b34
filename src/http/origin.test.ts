// Which pages a pattern of origins holds, and which only look like them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileOrigins, originPatternProblem } from './origin.ts';

function isHeld(pattern: string, origin: string, authority = 'example.com'): boolean {
  return compileOrigins([pattern])(origin, authority);
}

test('an origin is held by itself, in any case, with the port of its scheme or without', () => {
  assert.ok(isHeld('https://example.com', 'https://example.com'));
  assert.ok(isHeld('https://Example.com:443', 'HTTPS://example.COM'));
  assert.ok(isHeld('http://localhost:3000', 'http://localhost:3000'));
  assert.ok(isHeld('http://[::1]:3000', 'http://[::1]:3000'));
});

test('scheme, host and port must all be the same', () => {
  for (const origin of [
    'http://example.com',
    'https://example.com:8443',
    'https://www.example.com',
    'https://example.com.evil.test',
    'https://evilexample.com',
    'https://example.com/',
    'https://user@example.com',
    'https://example.com, https://evil.test',
    'null',
    '',
  ])
    assert.equal(isHeld('https://example.com', origin), false, origin);
});

test('a star stands for one or more labels in front', () => {
  assert.ok(isHeld('https://*.example.com', 'https://a.example.com'));
  assert.ok(isHeld('https://*.example.com', 'https://a.b.example.com'));
  for (const origin of ['https://example.com', 'https://evilexample.com', 'http://a.example.com'])
    assert.equal(isHeld('https://*.example.com', origin), false, origin);
});

test('same-host is the host and port that the request is for, by whichever scheme', () => {
  assert.ok(isHeld('same-host', 'https://example.com', 'example.com'));
  assert.ok(isHeld('same-host', 'https://example.com', 'Example.com:443'));
  assert.ok(isHeld('same-host', 'http://example.com:8080', 'example.com:8080'));
  assert.equal(isHeld('same-host', 'https://example.com', 'example.com:8080'), false);
  assert.equal(isHeld('same-host', 'https://evil.test', 'example.com'), false);
  assert.equal(isHeld('same-host', 'null', 'null'), false);
});

test('a pattern that can hold nothing is told so', () => {
  for (const pattern of ['same-host', 'https://example.com', 'https://*.example.com', 'http://localhost:3000'])
    assert.equal(originPatternProblem(pattern), undefined);
  for (const pattern of ['example.com', '*', 'https://*', 'https://a.*.com/', 'https://example.com/path'])
    assert.match(originPatternProblem(pattern) ?? '', /neither same-host nor an origin/);
});
