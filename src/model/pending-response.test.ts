// A response that is to come: told once, to everybody who waits, whenever they begin to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapResponse } from './handler.ts';
import type { Response } from './message.ts';
import { PendingResponse, type ResponseTaker } from './pending-response.ts';
import { ProxyError } from './proxy-error.ts';
import { createTestResponse } from './testing.ts';

const failure = new ProxyError('connection_refused');

class Taker implements ResponseTaker {
  readonly outcomes: unknown[] = [];

  responded(response: Response): void {
    this.outcomes.push(response);
  }

  failed(error: unknown): void {
    this.outcomes.push(error);
  }
}

for (const [outcome, settle] of [
  [createTestResponse(), (pending: PendingResponse, value: unknown) => pending.resolve(value as Response)],
  [failure, (pending: PendingResponse, value: unknown) => pending.reject(value)],
] as const) {
  const name = outcome === failure ? 'an error' : 'a response';

  test(`${name} is told to all who wait, and to those who come late, once each and at once`, () => {
    const pending = new PendingResponse();
    const takers = [new Taker(), new Taker(), new Taker()] as const;
    pending.deliver(takers[0]);
    pending.deliver(takers[1]);
    assert.deepEqual(takers[0].outcomes, []);
    settle(pending, outcome);
    pending.deliver(takers[2]);
    for (const { outcomes } of takers) assert.ok(outcomes.length === 1 && outcomes[0] === outcome);
  });

  test(`behind ${name} nothing counts any more`, () => {
    const pending = new PendingResponse();
    const taker = new Taker();
    pending.deliver(taker);
    settle(pending, outcome);
    pending.resolve(createTestResponse());
    pending.reject(new ProxyError('no-route'));
    assert.ok(taker.outcomes.length === 1 && taker.outcomes[0] === outcome);
  });

  test(`await takes ${name}, before it is there and behind`, async () => {
    const pending = new PendingResponse();
    const awaited = Promise.allSettled([pending]);
    settle(pending, outcome);
    for (const [settled] of [await awaited, await Promise.allSettled([pending])]) {
      assert.equal(settled?.status === 'fulfilled' ? settled.value : settled?.reason, outcome);
    }
  });
}

test('a change is made when the response comes', () => {
  const pending = new PendingResponse();
  const taker = new Taker();
  const changed = mapResponse(pending, (response) => ({ ...response, status: 418 }));
  assert.ok(changed instanceof PendingResponse);
  changed.deliver(taker);
  pending.resolve(createTestResponse());
  assert.deepEqual(
    taker.outcomes.map((outcome) => (outcome as Response).status),
    [418],
  );
});

test('what a change throws takes the place of the response', () => {
  const pending = new PendingResponse();
  const taker = new Taker();
  const changed = pending.map(() => {
    throw failure;
  });
  changed.deliver(taker);
  pending.resolve(createTestResponse());
  assert.deepEqual(taker.outcomes, [failure]);
});

test('what a taker throws behind a change is not lost', () => {
  const pending = new PendingResponse();
  const fault = new Error('a fault of the taker');
  const changed = pending.map((response) => response);
  changed.deliver({
    responded() {
      throw fault;
    },
    failed: () => assert.fail('the response has come'),
  });
  assert.throws(() => pending.resolve(createTestResponse()), fault);
});

test('a change does not see errors', () => {
  const pending = new PendingResponse();
  const taker = new Taker();
  pending.map(() => assert.fail('there is no response')).deliver(taker);
  pending.reject(failure);
  assert.deepEqual(taker.outcomes, [failure]);
});
