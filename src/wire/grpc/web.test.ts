// What gRPC-Web has other than gRPC.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { Base64Decoder, encodeWebTrailers, formatGrpcMediaType, parseGrpcMediaType } from './web.ts';

/** All of `parts` decoded by one decoder; `undefined` when it is not base64, or not whole. */
function decode(...parts: readonly string[]): string | undefined {
  const decoder = new Base64Decoder();
  let text = '';
  for (const part of parts) {
    const bytes = decoder.decode(Buffer.from(part, 'latin1'));
    if (!bytes) return undefined;
    text += bytes.toString('latin1');
  }
  return decoder.isWhole ? text : undefined;
}

test('media types of gRPC and gRPC-Web are told apart, with the encoding of messages', () => {
  assert.deepEqual(parseGrpcMediaType('application/grpc'), { format: 'grpc', encoding: '' });
  assert.deepEqual(parseGrpcMediaType('application/grpc+proto'), { format: 'grpc', encoding: '+proto' });
  assert.deepEqual(parseGrpcMediaType('Application/gRPC; charset=utf-8'), { format: 'grpc', encoding: '' });
  assert.deepEqual(parseGrpcMediaType('application/grpc-web'), { format: 'web', encoding: '' });
  assert.deepEqual(parseGrpcMediaType('application/grpc-web+json'), { format: 'web', encoding: '+json' });
  assert.deepEqual(parseGrpcMediaType('application/grpc-web-text+proto'), { format: 'web-text', encoding: '+proto' });
});

test('other media types are not gRPC', () => {
  for (const type of ['', 'application/grpcx', 'application/grpc-webby', 'application/json', 'text/application/grpc'])
    assert.equal(parseGrpcMediaType(type), undefined, type);
});

test('a media type is written as it was read', () => {
  for (const type of ['application/grpc', 'application/grpc-web+proto', 'application/grpc-web-text'])
    assert.equal(formatGrpcMediaType(parseGrpcMediaType(type) as never), type);
});

test('PROTOCOL-WEB: trailers are a message whose flag has the highest bit, with names in lower case', () => {
  const lines = 'Grpc-Status: 0\r\ngrpc-message: A: B\r\n';
  const expected = 'grpc-status: 0\r\ngrpc-message: A: B\r\n';
  assert.deepEqual(
    encodeWebTrailers(lines),
    Buffer.concat([Buffer.from([0x80, 0, 0, 0, expected.length]), Buffer.from(expected)]),
  );
});

test('RFC 4648 10: the vectors of base64 are decoded', () => {
  const vectors = { '': '', 'Zg==': 'f', 'Zm8=': 'fo', Zm9v: 'foo', 'Zm9vYg==': 'foob', 'Zm9vYmE=': 'fooba' };
  for (const [text, bytes] of Object.entries(vectors)) assert.equal(decode(text), bytes);
});

test('PROTOCOL-WEB: padding may stand wherever somebody has flushed', () => {
  assert.equal(decode('Zg==Zm8=Zm9vYg=='), 'ffofoob');
});

test('what is not base64 is refused', () => {
  for (const text of ['Zg=', 'Zg', 'Z', '====', 'Z===', 'Zg=v', 'Z=g=', 'Zm9v\n', 'Zm9-', 'Zm 9v'])
    assert.equal(decode(text), undefined, text);
});

test('any bytes, encoded in any parts and cut anywhere, are themselves again', () => {
  const bytes = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(100)), (parts, cuts) => {
      const text = parts.map((part) => Buffer.from(part).toString('base64')).join('');
      const places = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
      assert.equal(decode(...pieces), Buffer.concat(parts).toString('latin1'));
    }),
  );
});
