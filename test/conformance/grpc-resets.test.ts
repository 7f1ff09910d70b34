// PROTOCOL-HTTP2 of gRPC, "Errors": what the reset of a stream by the endpoint means to the client of its call.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODE, type ErrorName } from '#wire/http2/protocol.ts';
import { callBytes, chunk, message } from '../support/grpc-bytes.ts';
import { hpackBlock } from '../support/hpack.ts';
import { FRAME, frameBytes, headersBytes, uint32 } from '../support/http2-frames.ts';
import { answerAll, type Http2OriginConnection, startHttp2Origin } from '../support/http2-origin.ts';
import { gatewayTo } from '../support/http2-upstream.ts';
import { connectRaw } from '../support/raw-client.ts';

const reset = (streamId: number, code: ErrorName) => frameBytes(FRAME.rstStream, 0, streamId, uint32(ERROR_CODE[code]));

/** Resets each call with the code that it asks for. */
async function resetAsAsked(connection: Http2OriginConnection): Promise<void> {
  for (;;) {
    const request = await connection.requested();
    await connection.send(reset(request.streamId, request.field('x-code') as ErrorName));
  }
}

/** Answers each call with a message. */
async function answerMessages(connection: Http2OriginConnection): Promise<void> {
  const block = hpackBlock([
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ]);
  for (;;) {
    const { streamId } = await connection.requested();
    await connection.send(
      Buffer.concat([headersBytes(streamId, block, 0), frameBytes(FRAME.data, 0, streamId, message('one'))]),
    );
  }
}

const EXPECTED = [
  ['NO_ERROR', '13'],
  ['PROTOCOL_ERROR', '13'],
  ['INTERNAL_ERROR', '13'],
  ['FLOW_CONTROL_ERROR', '13'],
  ['SETTINGS_TIMEOUT', '13'],
  ['FRAME_SIZE_ERROR', '13'],
  ['REFUSED_STREAM', '14'],
  ['CANCEL', '1'],
  ['COMPRESSION_ERROR', '13'],
  ['CONNECT_ERROR', '13'],
  ['ENHANCE_YOUR_CALM', '8'],
  ['INADEQUATE_SECURITY', '7'],
] as const satisfies readonly (readonly [ErrorName, string])[];

test('PROTOCOL-HTTP2: the code of a reset ahead of the head tells the status', async (t) => {
  const origin = await startHttp2Origin(t, resetAsAsked);
  const gateway = await gatewayTo(t, [origin], 'eject: { after: 0 }');
  const client = await connectRaw(t, gateway.port());
  for (const [code, status] of EXPECTED) {
    const response = await client.request(callBytes({ fields: `X-Code: ${code}\r\n` }));
    assert.deepEqual([response.status, response.field('grpc-status')], [200, status], code);
  }
});

test('PROTOCOL-HTTP2: so does that of one behind messages, in the trailers', async (t) => {
  const origin = await startHttp2Origin(t, answerMessages);
  const gateway = await gatewayTo(t, [origin], 'eject: { after: 0 }');
  const client = await connectRaw(t, gateway.port());
  let streamId = 1;
  for (const [code, status] of EXPECTED) {
    await client.send(callBytes());
    await client.reader.until(chunk(message('one')));
    await (await origin.connection()).send(reset(streamId, code));
    assert.match(await client.reader.until('\r\n\r\n'), new RegExp(`^0\r\ngrpc-status: ${status}\r\n`), code);
    streamId += 2;
  }
});

test('PROTOCOL-HTTP2: only a reset that means UNAVAILABLE is repeated where that is named', async (t) => {
  const origins = [await startHttp2Origin(t, resetAsAsked), await startHttp2Origin(t, answerAll)];
  const gateway = await gatewayTo(t, origins, 'eject: { after: 0 }\n    retry: { on: [grpc-unavailable] }');
  const client = await connectRaw(t, gateway.port());
  const processed = await client.request(callBytes({ fields: 'X-Code: INTERNAL_ERROR\r\n' }));
  assert.equal(processed.field('grpc-status'), '13');
  const refused = await client.request(callBytes({ fields: 'X-Code: REFUSED_STREAM\r\n' }));
  assert.equal(refused.body, 'ok');
});
