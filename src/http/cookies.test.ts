// Cookies: which is read, and how one is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookieValue, formatCookie, setCookieValue } from './cookies.ts';

test('RFC 6265 5.4: the first cookie of the name is read, whatever stands around it', () => {
  assert.equal(cookieValue('a=1; b=2; b=3', 'b'), '2');
  assert.equal(cookieValue(' a = 1 ;b=2', 'a'), '1');
  assert.equal(cookieValue('ab=1', 'b'), '');
  assert.equal(cookieValue('=1; b', 'b'), '');
  assert.equal(cookieValue(undefined, 'b'), '');
});

test('RFC 6265 4.1: a cookie is for the whole site and out of reach of scripts', () => {
  assert.equal(
    formatCookie('a', 'b', { maxAge: undefined, sameSite: 'lax', secure: false }),
    'a=b; Path=/; HttpOnly; SameSite=Lax',
  );
  assert.equal(
    formatCookie('a', 'b', { maxAge: 60, sameSite: 'none', secure: true }),
    'a=b; Path=/; Max-Age=60; HttpOnly; SameSite=None; Secure',
  );
});

test('RFC 6265 5.2: a Set-Cookie field gives its first pair, and its attributes are no cookies', () => {
  assert.equal(setCookieValue('JSESSIONID=a1=b; Path=/; HttpOnly', 'JSESSIONID'), 'a1=b');
  assert.equal(setCookieValue('other=1; Path=/', 'Path'), '');
  assert.equal(setCookieValue('JSESSIONID=; Max-Age=0', 'JSESSIONID'), '');
});
