// Which responses may stand still for longer than others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestResponse } from '#model/testing.ts';
import type { Upstream } from '#model/upstream.ts';
import { contentIdleMs } from './content-idle.ts';

const UPSTREAM = { timeouts: { idleMs: 1, streamIdleMs: 2 } } as unknown as Upstream;

function idleOf(contentType?: string): number {
  const response = createTestResponse();
  if (contentType !== undefined) response.fields.set('content-type', contentType);
  return contentIdleMs(UPSTREAM, response);
}

test('event streams and gRPC may stand still for longer than other content', () => {
  for (const type of [
    'text/event-stream',
    'Text/Event-Stream; charset=utf-8',
    'text/event-stream;charset=utf-8',
    'application/grpc',
    'application/grpc+proto',
    'application/grpc-web-text',
  ])
    assert.equal(idleOf(type), 2, type);
  for (const type of [undefined, 'text/html', 'text/event-streams', 'application/grpcx', 'x-text/event-stream'])
    assert.equal(idleOf(type), 1, String(type));
});
