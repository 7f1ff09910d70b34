// Load shedding: who is refused at which delay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopDelay } from '#lib/loop-delay.ts';
import { type Exchange, PRIORITIES } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange } from '#model/testing.ts';
import { shed } from './shedding.ts';

function delayOf(ms: number): LoopDelay {
  const delay = new LoopDelay(50);
  for (let turn = 0; turn <= 4; turn++) delay.tick(turn * (50 + ms));
  return delay;
}

/** Names of the priorities that are refused at a delay, with 100 ms configured. */
function refusedAt(ms: number, overloadDelayMs = 100): readonly string[] {
  return PRIORITIES.filter((_name, priority) => {
    const { connection, snapshot, request } = createTestExchange();
    const exchange = {
      connection,
      request,
      snapshot: { ...snapshot, overloadDelayMs },
      priority,
    } as unknown as Exchange;
    try {
      shed(exchange, delayOf(ms));
      return false;
    } catch (error) {
      assert.ok(error instanceof ProxyError && error.code === 'overloaded');
      assert.deepEqual(error.answerFields, [['retry-after', '1']]);
      return true;
    }
  });
}

test('the later the gateway is, the more are refused, and never those that are critical', () => {
  assert.deepEqual(refusedAt(99), []);
  assert.deepEqual(refusedAt(100), ['low']);
  assert.deepEqual(refusedAt(200), ['normal', 'low']);
  assert.deepEqual(refusedAt(400), ['high', 'normal', 'low']);
  assert.deepEqual(refusedAt(1e6), ['high', 'normal', 'low']);
});

test('without a configured delay nobody is refused', () => {
  assert.deepEqual(refusedAt(1e6, Number.POSITIVE_INFINITY), []);
});
