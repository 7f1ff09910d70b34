// Reason phrases, compared with what the platform knows of the registry.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { reasonPhrase } from './status.ts';

/** Codes that RFC 9110 renamed or left unused, that are not registered, or that are obsolete (510). */
const OUTDATED = new Set([413, 418, 422, 509, 510]);

test('RFC 9110 15: registered codes have their registered phrase', () => {
  assert.equal(reasonPhrase(200), 'OK');
  assert.equal(reasonPhrase(413), 'Content Too Large');
  assert.equal(reasonPhrase(422), 'Unprocessable Content');
  assert.equal(reasonPhrase(431), 'Request Header Fields Too Large');
});

test('the phrases are those of the platform, but for outdated ones', () => {
  for (const [code, phrase] of Object.entries(http.STATUS_CODES)) {
    if (!OUTDATED.has(Number(code))) assert.equal(reasonPhrase(Number(code)), phrase, code);
  }
});

test('other codes have an empty phrase', () => {
  for (const code of [0, 99, 299, 499, 599, 1000, -1, Number.NaN]) assert.equal(reasonPhrase(code), '');
});
