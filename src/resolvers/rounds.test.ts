// The loop of resolvers: when the next round comes, how failures slow it down, and that it ends.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { type Backoff, type Round, Rounds } from './rounds.ts';

/** A loop whose timers fire when they are told to; chance is drawn from `draws`, or stands in the middle. */
function start(t: TestContext, round: Round, backoff: Backoff, draws: number[] = []) {
  const clock = new ManualClock();
  const delays: number[] = [];
  const failures: string[] = [];
  let pending: (() => void) | undefined;
  const rounds = new Rounds(
    {
      log: silentLog,
      now: () => clock.now(),
      random: () => draws.shift() ?? 0.5,
      setTimer(callback, delayMs) {
        delays.push(delayMs);
        pending = callback;
        return () => {
          pending = undefined;
        };
      },
    },
    backoff,
  );
  t.after(() => rounds.stop());
  rounds.start(round, (reason) => void failures.push(reason));
  const next = async () => {
    await setImmediate();
    const fire = pending;
    pending = undefined;
    fire?.();
    await setImmediate();
    return fire !== undefined;
  };
  return { rounds, clock, delays, failures, next };
}

const BACKOFF = { minMs: 1000, maxMs: 30_000 };
const fail = () => Promise.reject(new Error('away'));

test('the next round comes when the last one said', async (t) => {
  const waits = [5, 70];
  const { delays, next } = start(t, async () => waits.shift() ?? 0, BACKOFF);
  await next();
  await next();
  assert.deepEqual(delays, [5, 70, 0]);
});

test('waits double with each failure in a row, up to the most', async (t) => {
  const { delays, failures, next } = start(t, fail, BACKOFF);
  for (let i = 0; i < 6; i++) await next();
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.deepEqual([...new Set(failures)], ['away']);
});

test('waits after failures are a fifth shorter or longer, by chance', async (t) => {
  const { delays, next } = start(t, fail, { minMs: 1000, maxMs: 1000 }, [0, 1]);
  await next();
  assert.deepEqual(delays, [800, 1200]);
});

test('a good round, or one that went well for long, begins anew', async (t) => {
  let turn = 0;
  const run = start(
    t,
    async () => {
      turn++;
      if (turn === 3) return 7;
      if (turn === 5) run.clock.advance(31_000);
      throw new Error('away');
    },
    BACKOFF,
  );
  for (let i = 0; i < 4; i++) await run.next();
  assert.deepEqual(run.delays, [1000, 2000, 7, 1000, 1000]);
});

test('an error without a message is told by its code', async (t) => {
  const { failures, next } = start(
    t,
    () => Promise.reject(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })),
    BACKOFF,
  );
  await next();
  assert.equal(failures[0], 'ECONNREFUSED');
});

test('what is stopped ends its round, has no further one, and has not failed', async (t) => {
  const { rounds, failures, delays, next } = start(
    t,
    (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    BACKOFF,
  );
  await setImmediate();
  rounds.stop();
  assert.equal(await next(), false);
  assert.deepEqual([failures, delays], [[], []]);
});
