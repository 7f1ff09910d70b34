// The policies that bring clients to HTTPS and keep them there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import { hsts } from './hsts.ts';
import { httpsRedirect } from './https-redirect.ts';

type Field = readonly [string, string];

function exchangeBy(scheme: 'http' | 'https', target = '/a?b=c', fields: Field[] = [], host = 'Example.com:8080') {
  const exchange = createTestExchange({ target, host, fields });
  exchange.request.scheme = scheme;
  return exchange;
}

/** The Strict-Transport-Security lines of a response to which the origin has given `given`. */
function securityOf(options: object, exchange = exchangeBy('https'), given: string[] = []): readonly string[] {
  const handler = hsts.create(hsts.options.parse(options), createTestHost());
  const answer = handler(() => {
    const response = createTestResponse();
    for (const value of given) response.fields.append('strict-transport-security', value);
    return response;
  })(exchange) as Response;
  return answer.fields.text.split('\r\n').filter((line) => line.startsWith('strict-transport-security'));
}

function redirect(options: object, exchange = exchangeBy('http')): Response {
  const middleware = httpsRedirect.create(httpsRedirect.options.parse(options), createTestHost());
  return middleware(() => createTestResponse())(exchange) as Response;
}

test('hsts tells browsers to keep to HTTPS for a year, more if so configured', () => {
  assert.deepEqual(securityOf({}), ['strict-transport-security: max-age=31536000']);
  assert.deepEqual(securityOf({ 'max-age': '1h', 'include-subdomains': true, preload: true }), [
    'strict-transport-security: max-age=3600; includeSubDomains; preload',
  ]);
  assert.deepEqual(securityOf({ 'max-age': '0s' }), ['strict-transport-security: max-age=0']);
});

test('RFC 6797 7.2: no response to a request by HTTP carries the field', () => {
  assert.deepEqual(securityOf({}, exchangeBy('http')), []);
});

test('RFC 6797 7.1: there is one such field, whatever the origin has sent', () => {
  assert.deepEqual(securityOf({}, undefined, ['max-age=1', 'max-age=2']), [
    'strict-transport-security: max-age=31536000',
  ]);
});

test('https-redirect sends to the same place by HTTPS, without the port of HTTP', () => {
  const answer = redirect({});
  assert.equal(answer.status, 308);
  assert.equal(answer.fields.get('location'), 'https://example.com/a?b=c');
  const other = redirect({ port: 8443, status: 301 });
  assert.equal(other.status, 301);
  assert.equal(other.fields.get('location'), 'https://example.com:8443/a?b=c');
});

test('https-redirect lets pass what came by HTTPS', () => {
  assert.equal(redirect({}, exchangeBy('https')).status, 200);
});

test('what a trusted proxy in front says of the scheme counts', () => {
  const behind = (proto: string) => exchangeBy('http', '/', [['x-forwarded-proto', proto]]);
  assert.equal(redirect({}, behind('https')).status, 200);
  assert.equal(redirect({}, behind('HTTPS, http')).status, 200);
  assert.equal(redirect({}, behind('http, https')).status, 308);
  assert.deepEqual(securityOf({}, behind('https')).length, 1);
});

test('https-redirect refuses what names no place', () => {
  for (const exchange of [exchangeBy('http', '/', [], ''), exchangeBy('http', '*')])
    assert.throws(() => redirect({}, exchange), ProxyError);
});
