// Who is let in and who is kept out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestHost, createTestResponse } from '#model/testing.ts';
import { accessList } from './access-list.ts';

function isLetIn(options: { readonly allow?: string[]; readonly deny?: string[] }, clientAddress: string): boolean {
  const handler = accessList.create(accessList.options.parse(options), createTestHost())(() => createTestResponse());
  try {
    handler(createTestExchange({ clientAddress }));
    return true;
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    assert.equal(error.status, 403);
    return false;
  }
}

test('with an allow list everybody else is kept out', () => {
  assert.equal(isLetIn({ allow: ['10.0.0.0/8'] }, '10.1.2.3'), true);
  assert.equal(isLetIn({ allow: ['10.0.0.0/8'] }, '11.1.2.3'), false);
});

test('with a deny list alone everybody else is let in', () => {
  assert.equal(isLetIn({ deny: ['10.0.0.0/8'] }, '10.1.2.3'), false);
  assert.equal(isLetIn({ deny: ['10.0.0.0/8'] }, '11.1.2.3'), true);
});

test('the longest prefix decides, and deny wins among equals', () => {
  const options = { allow: ['10.0.0.0/8', '10.6.6.6', '10.7.0.0/16'], deny: ['10.6.0.0/16', '10.7.0.0/16'] };
  assert.equal(isLetIn(options, '10.1.1.1'), true);
  assert.equal(isLetIn(options, '10.6.1.1'), false);
  assert.equal(isLetIn(options, '10.6.6.6'), true);
  assert.equal(isLetIn(options, '10.7.1.1'), false);
});

test('IPv6 prefixes hold IPv6 addresses and no others', () => {
  assert.equal(isLetIn({ allow: ['2001:db8::/32'] }, '2001:db8:1::1'), true);
  assert.equal(isLetIn({ allow: ['::/0'] }, '192.0.2.1'), false);
});

test('a prefix that is none is refused with the configuration', () => {
  for (const prefix of ['10.0.0.0/33', '10.0.0', 'example.com', '::/129', '10.0.0.1/-1'])
    assert.equal(accessList.options.safeParse({ allow: [prefix] }).success, false, prefix);
});
