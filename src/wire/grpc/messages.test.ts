// Where messages of gRPC end in content that comes in parts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameMessage, MessageBounds } from './messages.ts';

test('content is between two messages at its begin and behind each of them, however it is cut', () => {
  const content = Buffer.concat([
    frameMessage(0, Buffer.alloc(300)),
    frameMessage(1, Buffer.alloc(0)),
    frameMessage(0, Buffer.from('hi')),
  ]);
  const ends = [0, 305, 310, 317];
  for (let first = 0; first <= content.length; first++) {
    const bounds = new MessageBounds();
    bounds.push(content.subarray(0, first));
    assert.equal(bounds.isBetween, ends.includes(first), `${first}`);
    bounds.push(content.subarray(first));
    assert.equal(bounds.isBetween, true, `${first}`);
  }
});
