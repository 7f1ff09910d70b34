// The reader of ClientHellos by the clauses of RFC 8446, RFC 6066 and RFC 7301.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientHello } from '#wire/tls/client-hello.ts';
import { ClientHelloReader } from '#wire/tls/client-hello-reader.ts';
import { type AlertName, TlsError, writeAlert } from '#wire/tls/tls-error.ts';
import {
  extension,
  type HelloParts,
  handshake,
  helloBody,
  helloMessage,
  opensslHello,
  records,
  vector,
} from '../support/client-hello.ts';

const read = (bytes: Buffer): ClientHello | undefined => new ClientHelloReader().push(bytes);
const readParts = (parts: HelloParts) => read(records(helloMessage(parts)));

function refuses(bytes: Buffer, alert: AlertName, message: RegExp): void {
  assert.throws(
    () => read(bytes),
    (error) => error instanceof TlsError && error.alert === alert && message.test(error.message),
  );
}

test('OpenSSL’s ClientHello is read, of TLS 1.2 and 1.3', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const bytes = await opensslHello({
      servername: 'WWW.Example.COM',
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: version,
      maxVersion: version,
    });
    assert.deepEqual(read(bytes), { serverName: 'www.example.com', protocols: ['h2', 'http/1.1'] });
  }
});

test('a ClientHello that asks for nothing has no name and no protocols', async () => {
  assert.deepEqual(read(await opensslHello({ servername: '' })), { serverName: '', protocols: [] });
});

test('RFC 5246 7.4.1.2: a ClientHello may come without extensions', () => {
  assert.deepEqual(read(records(handshake(helloBody(Buffer.alloc(0))))), { serverName: '', protocols: [] });
});

test('RFC 8446 5.1: the message may come in several records, and every byte on its own', () => {
  const message = helloMessage({ names: ['a.example'], protocols: ['h2'] });
  for (const size of [1, 2, 3, 4, 5, 50, message.length - 1, message.length]) {
    const bytes = records(message, size);
    const reader = new ClientHelloReader();
    for (let at = 0; at < bytes.length - 1; at++)
      assert.equal(reader.push(bytes.subarray(at, at + 1)), undefined, `${at} of ${bytes.length}, records of ${size}`);
    assert.deepEqual(reader.push(bytes.subarray(-1)), { serverName: 'a.example', protocols: ['h2'] });
  }
});

test('RFC 8701: values that mean nothing are passed over', () => {
  const parts: HelloParts = {
    names: ['a.example'],
    protocols: ['\x0a\x0a', 'h2'],
    extensions: [
      [0x0a0a, Buffer.alloc(0)],
      [0x1a1a, Buffer.from([0])],
    ],
  };
  assert.deepEqual(readParts(parts), { serverName: 'a.example', protocols: ['\x0a\x0a', 'h2'] });
});

test('what follows the ClientHello is not looked at', () => {
  const bytes = Buffer.concat([records(helloMessage({ names: ['a.example'] })), Buffer.from('\xff\xff\xff', 'latin1')]);
  assert.equal(read(bytes)?.serverName, 'a.example');
});

test('RFC 6066 3: names of other types are passed over', () => {
  const other = Buffer.concat([Buffer.from([7]), vector(2, Buffer.from('x'))]);
  const host = Buffer.concat([Buffer.from([0]), vector(2, Buffer.from('a.example'))]);
  const list = vector(2, Buffer.concat([other, host]));
  assert.equal(readParts({ extensions: [[0, list]] })?.serverName, 'a.example');
});

for (const [what, parts, alert, message] of [
  ['RFC 6066 3: two host names', { names: ['a.example', 'b.example'] }, 'illegal_parameter', /two host names/],
  ['RFC 6066 3: a name with a trailing dot', { names: ['a.example.'] }, 'illegal_parameter', /host name is none/],
  ['a name with a line end', { names: ['a\r\nb'] }, 'illegal_parameter', /host name is none/],
  ['a name of more than 255 bytes', { names: ['a'.repeat(256)] }, 'illegal_parameter', /host name is none/],
  ['an empty name', { names: [''] }, 'illegal_parameter', /host name is none/],
  ['RFC 7301 3.1: an empty protocol name', { protocols: ['h2', ''] }, 'decode_error', /empty/],
  [
    'RFC 8446 4.2: an extension that is there twice',
    { protocols: ['h2'], extensions: [[16, vector(2, vector(1, Buffer.from('h2')))]] },
    'illegal_parameter',
    /16 is there twice/,
  ],
  ['an empty list of names', { extensions: [[0, vector(2, Buffer.alloc(0))]] }, 'decode_error', /cut off/],
  ['an empty list of protocols', { extensions: [[16, vector(2, Buffer.alloc(0))]] }, 'decode_error', /cut off/],
  ['a list of names that is too long', { extensions: [[0, Buffer.from([0, 9, 0])]] }, 'decode_error', /cut off/],
  [
    'bytes behind the list of protocols',
    { extensions: [[16, Buffer.from([0, 2, 1, 65, 0])]] },
    'decode_error',
    /behind the end/,
  ],
] as const satisfies readonly (readonly [string, HelloParts, AlertName, RegExp])[]) {
  test(`${what} is refused`, () => refuses(records(helloMessage(parts)), alert, message));
}

test('a record of another type, of another protocol, too long or empty is refused', () => {
  refuses(Buffer.from([23]), 'unexpected_message', /no handshake/);
  refuses(Buffer.from([22, 2]), 'protocol_version', /not of TLS/);
  refuses(Buffer.from([22, 3, 1, 0x40, 1]), 'record_overflow', /2\^14/);
  refuses(Buffer.from([22, 3, 1, 0, 0]), 'decode_error', /empty/);
});

test('another message, an empty one and one that is too long are refused before they have come', () => {
  refuses(records(Buffer.from([2, 0, 0, 4])), 'unexpected_message', /no ClientHello/);
  refuses(records(Buffer.from([1, 0, 0, 0])), 'decode_error', /empty/);
  refuses(records(Buffer.from([1, 0, 0x40, 1])), 'decode_error', /longer than 16384/);
});

test('a ClientHello that is malformed elsewhere is refused', () => {
  const good = helloMessage({ names: ['a.example'] }).subarray(4);
  for (let length = 1; length < good.length; length++) {
    // The one cut that is whole again: nothing behind the compression methods.
    if (length === helloBody(Buffer.alloc(0)).length) continue;
    refuses(records(handshake(good.subarray(0, length))), 'decode_error', /cut off/);
  }
  refuses(records(handshake(Buffer.concat([good, Buffer.from([0])]))), 'decode_error', /behind the end/);
  const old = Buffer.from(good);
  old[0] = 2;
  refuses(records(handshake(old)), 'protocol_version', /none of TLS/);
  const odd = helloBody(vector(2, extension(0x0a0a, Buffer.alloc(0))));
  odd[2 + 32 + 33 + 1] = 5;
  refuses(records(handshake(odd)), 'decode_error', /cipher suites|cut off/);
});

test('an alert is a record of its own', () => {
  assert.deepEqual([...writeAlert('unrecognized_name')], [21, 3, 3, 0, 2, 2, 112]);
});
