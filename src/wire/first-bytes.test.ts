// Which protocols are told apart by first bytes, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstBytesReader } from './first-bytes.ts';
import { TlsError } from './tls/tls-error.ts';

const protocolOf = (text: string) => new FirstBytesReader().push(Buffer.from(text, 'latin1'))?.protocol;

for (const [text, protocol] of [
  ['GET / HTTP/1.1\r\n', 'http'],
  ['PATCH /x HTTP/1.1\r\n', 'http'],
  ['OPTIONS * HTTP/1.1\r\n', 'http'],
  ['GET http://a/ HTTP/1.1\r\n', 'http'],
  ['CONNECT a:443 HTTP/1.1\r\n', 'http'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http'],
  ['SSH-2.0-OpenSSH_9.9\r\n', 'ssh'],
  ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'proxy'],
  ['\r\n\r\n\0\r\nQUIT\n\x21\x11', 'proxy'],
  ['OPTIONS rtsp://a/ RTSP/1.0\r\n', 'other'],
  ['OPTIONS sip:a SIP/2.0\r\n', 'other'],
  ['GETX / HTTP/1.1\r\n', 'other'],
  ['get / HTTP/1.1\r\n', 'other'],
  ['EHLO a\r\n', 'other'],
  ['*1\r\n$4\r\nPING\r\n', 'other'],
  ['\x16\x02\x00', 'other'],
  ['\0', 'other'],
] as const) {
  test(`${JSON.stringify(text)} begins ${protocol}, however it is split`, () => {
    assert.equal(protocolOf(text), protocol);
    const reader = new FirstBytesReader();
    let found: string | undefined;
    for (const byte of Buffer.from(text, 'latin1')) {
      found = reader.push(Buffer.from([byte]))?.protocol;
      if (found) break;
    }
    assert.equal(found, protocol);
  });
}

test('what is the start of several protocols is none of them yet', () => {
  for (const text of ['P', 'PR', 'GET', 'GET ', 'SSH', '\r\n', '\x16', 'PRI * HTTP/2'])
    assert.equal(protocolOf(text), undefined);
});

test('the first bytes of TLS are read on, and what is no ClientHello is refused', () => {
  const reader = new FirstBytesReader();
  assert.equal(reader.push(Buffer.from([22])), undefined);
  assert.equal(reader.inTls, false);
  assert.equal(reader.push(Buffer.from([3, 1])), undefined);
  assert.equal(reader.inTls, true);
  assert.throws(() => reader.push(Buffer.from([0, 0])), TlsError);
});
