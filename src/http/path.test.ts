// Paths: every spelling of one resource becomes one path, and what cannot be brought into one form is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { normalizePath } from './path.ts';

const strict = (path: string) => normalizePath(path, false);
const lenient = (path: string) => normalizePath(path, true);

/** Pieces that paths, good and bad, are made of. */
const piece = fc.constantFrom(
  ...['/', '//', '.', '..', '%2e', '%2E', '%2f', '%5C', '%00', '%25', '%0a', '%7e', '%41', '%C3%A9', '%zz', '%'],
  ...['a', 'B9', '-_~', ';v=1', ':id', '@', '\\', '\x00', '\r\n', '\x7f', '\u00e9', ' ', '#', '?', '|', '...'],
);
const anyPath = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

test('a clean path is returned as it is', () => {
  for (const path of ['/', '/a', '/a/b/', '/a.b/c..d/e.', '/!$&\'()*+,;=:@-_~[]|{}^`"<>'])
    assert.equal(strict(path), path);
});

test('RFC 3986 6.2.2.2: percent-encoded unreserved characters are decoded', () => {
  assert.equal(strict('/%41%7a%30%2D%5f%7E'), '/Az0-_~');
});

test('RFC 3986 6.2.2.1: percent-encodings that stay get upper-case digits', () => {
  assert.equal(strict('/caf%c3%a9/%3f%23%25'), '/caf%C3%A9/%3F%23%25');
});

test('RFC 3986 6.2.2.3: dot segments are resolved and do not leave the root', () => {
  assert.equal(strict('/a/b/c/./../../g'), '/a/g');
  assert.equal(strict('/../../etc/passwd'), '/etc/passwd');
  assert.equal(strict('/a/./b/.'), '/a/b/');
  assert.equal(strict('/a/b/..'), '/a/');
  assert.equal(strict('/..'), '/');
});

test('dot segments are resolved also when they are percent-encoded', () => {
  assert.equal(strict('/a/%2e%2E/b'), '/b');
  assert.equal(strict('/a/.%2e/b'), '/b');
  assert.equal(strict('/a/%2e/b'), '/a/b');
});

test('three dots and names with dots are ordinary segments', () => {
  assert.equal(strict('/.../..a/a../.well-known'), '/.../..a/a../.well-known');
});

test('runs of slashes become one', () => {
  assert.equal(strict('//a///b//'), '/a/b/');
  assert.equal(strict('//'), '/');
});

test('a double encoding is decoded once only', () => {
  assert.equal(strict('/%252e%252e/a'), '/%252e%252e/a');
  assert.equal(strict('/%25%32%65'), '/%252e');
});

test('an encoded slash, backslash or zero and a raw backslash are rejected unless allowed', () => {
  for (const path of ['/a%2Fb', '/a%2fb', '/a%5Cb', '/a%5cb', '/a%00b', '/a\\b']) assert.equal(strict(path), undefined);
  assert.equal(lenient('/a%2fb%5cc%00d'), '/a%2Fb%5Cc%00d');
  assert.equal(lenient('/a/..\\b'), '/a/..\\b');
});

test('a path without a leading slash is rejected', () => {
  for (const path of ['', 'a', '*', 'a/b', '%2Fa', 'http://a/']) assert.equal(lenient(path), undefined);
});

test('a broken percent-encoding is rejected', () => {
  for (const path of ['/%', '/%4', '/%g0', '/%0g', '/%%41', '/a%2', '/%+1', '/% 1'])
    assert.equal(lenient(path), undefined);
});

test('control characters, spaces, obs-text, ? and # are rejected', () => {
  const codes = [...Array(33).keys(), 0x23, 0x3f, 0x7f, 0x80, 0xa0, 0xff];
  for (const code of codes) {
    const character = String.fromCharCode(code);
    assert.equal(lenient(`/a${character}b`), undefined, `code ${code}`);
    assert.equal(lenient(`/a//b${character}`), undefined, `code ${code}`);
  }
});

test('normalising is idempotent', () => {
  fc.assert(
    fc.property(anyPath, fc.boolean(), (path, allow) => {
      const once = normalizePath(path, allow);
      if (once !== undefined) assert.equal(normalizePath(once, allow), once);
    }),
  );
});

test('a normalised path holds no dot segment, no empty segment, no control byte and no encoded unreserved character', () => {
  fc.assert(
    fc.property(anyPath, fc.boolean(), (path, allow) => {
      const normal = normalizePath(path, allow);
      if (normal === undefined) return;
      assert.match(normal, /^\//);
      assert.doesNotMatch(normal, /\/\.{1,2}(?:\/|$)|\/\//);
      assert.doesNotMatch(normal, /[^\x21-\x7e]/);
      assert.doesNotMatch(normal, /%(?:2[de]|3\d|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i);
    }),
  );
});

test('no encoding hides a slash, a backslash or a zero from what comes behind', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const normal = strict(path);
      if (normal !== undefined) assert.doesNotMatch(decodeBytes(normal), /[\\\0]/);
      if (/%(?:2f|5c|00)|\\/i.test(path)) assert.equal(normal, undefined);
    }),
  );
});

test('every spelling of a path becomes that path', () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,6}$/);
  const spelling = fc.record({
    segment,
    encode: fc.nat(),
    noise: fc.constantFrom('/', '//', '/./', '/%2e/', '/x/../', '/x/%2e%2E/'),
  });
  fc.assert(
    fc.property(fc.array(spelling, { minLength: 1, maxLength: 6 }), (parts) => {
      const plain = parts.map((part) => `/${part.segment}`).join('');
      const spelt = parts.map((part) => part.noise + encodeAt(part.segment, part.encode)).join('');
      assert.equal(strict(spelt), plain);
    }),
  );
});

/** `text` with all percent-encodings decoded, as an origin may do. */
function decodeBytes(text: string): string {
  return text.replaceAll(/%([0-9A-F]{2})/g, (_encoding, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

/** `text` with one character percent-encoded. */
function encodeAt(text: string, index: number): string {
  const at = index % text.length;
  return `${text.slice(0, at)}%${text.charCodeAt(at).toString(16)}${text.slice(at + 1)}`;
}
