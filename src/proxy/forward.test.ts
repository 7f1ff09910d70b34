// All that one exchange goes through, in whatever order: gate, circuit, attempts, hedges, retries, waits, and clients that leave. What is
// counted comes back, and each exchange has one outcome.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { ManualTimers } from '#lib/manual-timers.ts';
import { fc } from '#lib/properties.ts';
import { EndpointCells, type EndpointStatus } from '#memory/endpoint-table.ts';
import { CELLS_PER_SERIES } from '#memory/series-table.ts';
import { detachedUpstream } from '#memory/upstream-table.ts';
import type { StreamBody } from '#model/body.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Response } from '#model/message.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { createTestExchange, createTestResponse } from '#model/testing.ts';
import type { Attempt, AttemptListener, Endpoint, Upstream } from '#model/upstream.ts';
import { CELL } from '#telemetry/series.ts';
import { createForward } from './forward.ts';
import { UpstreamGate } from './gate.ts';
import { FixedDelay } from './hedge-delay.ts';
import { WaitingRoom } from './wake-up.ts';

const OUTCOMES = ['well', 'streams', 'tunnel', 'busy', 'refused', 'reset', 'stale', 'full'] as const;
type Outcome = (typeof OUTCOMES)[number];

const LIMIT = 3;
const TRIALS = 2;
/** A whole number of ticks. */
const OPEN_MS = 1024;
const FAR = 100_000;

const ERRORS: Partial<Record<Outcome, () => ProxyError>> = {
  refused: () => new ProxyError('connection_refused'),
  reset: () => new ProxyError('connection_terminated'),
  stale: () => new ProxyError('connection_terminated', undefined, { stale: true }),
  full: () => new ProxyError('connection_limit_reached'),
};

/** An attempt as a transport makes it: after its outcome, or when it is cancelled, it tells nothing more. */
class FakeAttempt implements Attempt {
  isOver = false;
  readonly exchange: Exchange;
  readonly #isFresh: boolean;
  readonly #endpoint: Endpoint;
  readonly #listener: AttemptListener;

  constructor(exchange: Exchange, endpoint: Endpoint, listener: AttemptListener) {
    this.exchange = exchange;
    this.#isFresh = exchange.needsFreshConnection;
    this.#endpoint = endpoint;
    this.#listener = listener;
    endpoint.cells.begin();
  }

  cancel(): void {
    assert.ok(!this.isOver, 'cancelled after its end');
    this.#end();
  }

  end(outcome: Outcome): void {
    this.#end();
    const error = ERRORS[outcome === 'stale' && this.#isFresh ? 'reset' : outcome];
    if (error) this.#listener.failed(error());
    else this.#listener.responded(this.#response(outcome));
  }

  #response(outcome: Outcome): Response {
    const response = createTestResponse(outcome === 'busy' ? 503 : 200);
    const listener = this.#listener;
    let isEnded = false;
    const body: StreamBody = {
      type: 'stream',
      started: false,
      pipe() {},
      resume() {},
      cancel() {
        if (!isEnded) listener.contentEnded(undefined);
        isEnded = true;
      },
    };
    if (outcome === 'streams') return { ...response, body };
    const stream = { abort() {} };
    if (outcome === 'tunnel') return { ...response, tunnel: { stream, done() {} } } as unknown as Response;
    return response;
  }

  #end(): void {
    this.isOver = true;
    this.#endpoint.cells.end();
  }
}

interface Begun {
  readonly exchange: Exchange;
  outcomes: number;
  isEnded: boolean;
}

function setUp({ sync, wakes }: { sync: readonly (Outcome | undefined)[]; wakes: boolean }) {
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  const cells = detachedUpstream();
  const attempts: FakeAttempt[] = [];
  const series = new Float64Array(CELLS_PER_SERIES);
  const epoch = new Int32Array(1);
  let sent = 0;
  const transport = {
    send(exchange: Exchange, _upstream: Upstream, endpoint: Endpoint, listener: AttemptListener): Attempt {
      const attempt = new FakeAttempt(exchange, endpoint, listener);
      attempts.push(attempt);
      const outcome = sync[sent++ % sync.length];
      if (outcome) attempt.end(outcome);
      return attempt;
    },
  };
  const endpoints = Array.from(
    { length: 3 },
    (_, i) =>
      ({
        name: `10.0.0.${i}:80`,
        weight: 1,
        priority: 0,
        zone: '',
        labels: {},
        series: new Float64Array(CELLS_PER_SERIES),
        cells: new EndpointCells(new Int32Array(16), epoch, 0),
        transport,
      }) as unknown as Endpoint,
  );
  const breaker = cells.breaker(
    {
      windowMs: 10_000,
      minRequests: 1,
      failureShare: 0.5,
      slowShare: 2,
      slowMs: 0,
      openMs: OPEN_MS,
      trials: TRIALS,
    },
    clock,
  );
  const upstream = {
    name: 'app',
    balancer: { pick: ([first]: readonly Endpoint[]) => first },
    endpoints,
    epoch: () => Atomics.load(epoch, 0),
    grouping: { panicThreshold: 0, overflow: 0, zone: '', slowStart: undefined, sleeps: wakes },
    wake: wakes
      ? new WaitingRoom({ timeoutMs: 500, maxWaiting: 2 }, { clock, timers, random: () => 0, ask() {} })
      : undefined,
    retry: {
      attempts: 3,
      kinds: new Set(['connect', 'reset', 'timeout']),
      statuses: new Set([503]),
      methods: new Set(['GET']),
      attemptTimeoutMs: 200,
      backoffMs: 20,
      maxBackoffMs: 100,
      maxBodyBytes: 0,
      triesAgain: false,
    },
    budget: cells.budget(1),
    hedge: new FixedDelay(50),
    breaker,
    gate: new UpstreamGate(
      { upstream: 'app', maxWaiting: 3, waitTimeoutMs: 300 },
      cells.concurrency,
      { value: LIMIT, observe() {} },
      { timers, refused() {} },
    ),
    eject: { after: 0, on: new Set() },
    series,
  } as unknown as Upstream;
  const forward = createForward(upstream, { timers, random: () => 0.5, report() {} });
  const begun: Begun[] = [];
  const begin = (method: string) => {
    const one: Begun = { exchange: createTestExchange({ method }, clock), outcomes: 0, isEnded: false };
    begun.push(one);
    const count = () => void one.outcomes++;
    (forward(one.exchange) as PromiseLike<Response>).then(count, count);
  };
  return { clock, timers, cells, breaker, endpoints, attempts, series, begun, begin };
}

const step = fc.oneof(
  fc.record({ type: fc.constant('begin' as const), method: fc.constantFrom('GET', 'GET', 'POST') }),
  fc.record({ type: fc.constant('answer' as const), at: fc.nat(5), outcome: fc.constantFrom(...OUTCOMES) }),
  fc.record({ type: fc.constant('abort' as const), at: fc.nat(5) }),
  fc.record({ type: fc.constant('end' as const), at: fc.nat(5) }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(1, 10, 30, 60, 200, OPEN_MS) }),
  fc.record({
    type: fc.constant('status' as const),
    at: fc.nat(2),
    status: fc.constantFrom<EndpointStatus>('healthy', 'healthy', 'unhealthy'),
  }),
);

test('whatever happens, all that was taken is given back, and each exchange has one outcome', async () => {
  // Most attempts are under way until a step answers them; some have their outcome before `send` returns.
  const immediate = fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...OUTCOMES) },
  );
  const sync = fc.array(immediate, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), sync, fc.boolean(), async (steps, sent, wakes) => {
      const { clock, timers, cells, breaker, endpoints, attempts, series, begun, begin } = setUp({
        sync: sent,
        wakes,
      });
      const end = (one: Begun | undefined) => {
        if (!one || one.isEnded) return;
        one.isEnded = true;
        one.exchange.end();
      };
      for (const one of steps) {
        const live = attempts.filter(({ isOver }) => !isOver);
        const open = begun.filter(({ isEnded }) => !isEnded);
        const chosen = 'at' in one && open.length > 0 ? open[one.at % open.length] : undefined;
        if (one.type === 'begin') begin(one.method);
        else if (one.type === 'answer') live[one.at % Math.max(1, live.length)]?.end(one.outcome);
        else if (one.type === 'status') endpoints[one.at]?.cells.setStatus(one.status);
        else if (one.type === 'pass') timers.pass(one.ms);
        else if (one.type === 'abort' && chosen) {
          chosen.exchange.abort(new ProxyError('client-closed'));
          end(chosen);
        } else if (one.type === 'end' && chosen?.outcomes) end(chosen);
        await null;
        assert.ok(cells.concurrency.inFlight <= LIMIT);
        assert.ok(begun.every(({ outcomes }) => outcomes <= 1));
        const unsettled = begun.filter(({ outcomes }) => outcomes === 0).map(({ exchange }) => exchange);
        assert.ok(attempts.every(({ isOver, exchange }) => isOver || unsettled.includes(exchange)));
        assert.ok((series[CELL.waiting] as number) <= unsettled.length);
        assert.ok(begun.every(({ isEnded, outcomes }) => !isEnded || outcomes === 1));
        const inFlight = endpoints.reduce((sum, endpoint) => sum + endpoint.cells.inFlight, 0);
        assert.equal(inFlight, attempts.filter(({ isOver }) => !isOver).length);
      }
      for (const one of begun) {
        if (one.outcomes === 0) one.exchange.abort(new ProxyError('client-closed'));
        end(one);
      }
      await null;
      assert.ok(begun.every(({ outcomes }) => outcomes === 1));
      assert.ok(attempts.every(({ isOver }) => isOver));
      assert.deepEqual([cells.concurrency.inFlight, cells.concurrency.waiting, series[CELL.waiting]], [0, 0, 0]);
      // All trials have ended: a circuit that is not closed gets those it lacks.
      if (breaker.state === 'open') clock.advance(OPEN_MS);
      for (let i = 0; i < TRIALS && breaker.state !== 'closed'; i++) {
        const passage = breaker.enter();
        assert.ok(passage.trialOf);
        breaker.record(passage, true, 1);
      }
      assert.equal(breaker.state, 'closed');
      timers.pass(FAR);
      assert.equal(timers.pending, 0);
    }),
    { numRuns: 1000 },
  );
});
