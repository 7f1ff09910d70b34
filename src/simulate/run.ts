// Runs one simulation: sends requests through the whole way of a request, and measures what becomes of them.
import type { FoundEndpoints } from '#config/compile.ts';
import { seriesKey } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import type { Log, LogFields } from '#lib/log.ts';
import { LoopDelay } from '#lib/loop-delay.ts';
import type { Exchange } from '#model/exchange.ts';
import type { Snapshot } from '#model/snapshot.ts';
import { ChallengeAnswers } from '#proxy/challenge-answers.ts';
import { createHandle } from '#proxy/handle.ts';
import { formatAddress } from '#schema/address.ts';
import type { Behaviour } from './behaviour.ts';
import { Samples } from './samples.ts';
import { createExchange } from './simulated-exchange.ts';
import { addressesOf, SimulatedGateway } from './simulated-gateway.ts';
import { SimulationError } from './simulation-error.ts';
import type { HealthEvent, RunFindings } from './summary.ts';
import type { SimulatedRequest } from './traffic.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SimulationPlan {
  readonly label: string;
  readonly config: Config;
  /** Endpoints that take the place of what resolvers would find, by upstream. */
  readonly found: FoundEndpoints;
  /** The upstream that is looked at. */
  readonly upstream: string;
  readonly seed: number;
  /** What the wall clock shows at the beginning: milliseconds since 1970. */
  readonly startsAt: number;
  readonly requests: Iterable<SimulatedRequest>;
  /** How an endpoint behaves, by its key of `seriesKey`. */
  behaviourOf(key: string): Behaviour;
}

/** How long the last answers may take: longer than all that waits has timeouts for. */
const LAST_ANSWER_MS = 86_400_000;

/**
 * Runs until the last request has its answer. Throws a `ConfigurationError` when the configuration does not compile, and a
 * `SimulationError` when requests are never answered.
 */
export async function simulate(plan: SimulationPlan): Promise<RunFindings> {
  const run = new Run(plan);
  await run.toEnd();
  return run.findings();
}

class Run {
  readonly #plan: SimulationPlan;
  readonly #time: VirtualTime;
  readonly #gateway: SimulatedGateway;
  readonly #handle: ReturnType<typeof createHandle>;
  readonly #listener: string;
  /** Routes that lead to the upstream that is looked at. */
  readonly #routes: ReadonlySet<string>;
  readonly #exchanges = new Samples();
  readonly #events: HealthEvent[] = [];
  #elsewhere = 0;
  #underWay = 0;
  #hasMore = true;
  #lastArrival = 0;

  constructor(plan: SimulationPlan) {
    const { config, upstream, startsAt } = plan;
    this.#plan = plan;
    this.#time = new VirtualTime(startsAt);
    const log = this.#createLog();
    this.#gateway = new SimulatedGateway(plan, this.#time, log);
    this.#handle = createHandle(log, new LoopDelay(1000), new ChallengeAnswers());
    this.#listener = Object.keys(config.listeners)[0] ?? '';
    const routes = config.routes.filter((route) => route.upstream?.some((branch) => branch.upstream === upstream));
    this.#routes = new Set(routes.map(({ name }) => name as string));
  }

  async toEnd(): Promise<void> {
    const snapshot = await this.#gateway.start();
    this.#scheduleNext(snapshot, this.#plan.requests[Symbol.iterator]());
    const isDone = () => this.#underWay === 0 || this.#time.now() > this.#lastArrival + LAST_ANSWER_MS;
    await this.#time.run(() => !this.#hasMore && isDone());
    if (this.#underWay === 0) return;
    throw new SimulationError(
      `requests were left without an answer (${this.#underWay}): a policy waits for something outside, such as the check of a password-hash, which a simulation does not have`,
    );
  }

  findings(): RunFindings {
    const { label, config, found, upstream } = this.#plan;
    const endpoints = addressesOf(config, found, upstream).map((address) => {
      const name = formatAddress(address);
      const key = seriesKey.endpoint(upstream, name);
      const causes = this.#gateway.health.healthOf(key)?.ejections;
      const ejections = Object.values(causes ?? {}).reduce((sum: number, count: number) => sum + count, 0);
      return { name, index: this.#gateway.indexOf(key), ejections };
    });
    return {
      label,
      upstream,
      balancer: config.upstreams[upstream]?.balancer.type ?? '',
      endpoints,
      series: this.#gateway.series(seriesKey.upstream(upstream)),
      exchanges: this.#exchanges,
      attempts: this.#gateway.attempts,
      elsewhere: this.#elsewhere,
      events: this.#events,
      durationMs: this.#time.now(),
    };
  }

  /** One request waits at a time: the next is asked for when it has come. */
  #scheduleNext(snapshot: Snapshot, requests: Iterator<SimulatedRequest>): void {
    const { value: request, done } = requests.next();
    this.#hasMore = !done;
    if (done) return;
    const arrive = (): void => {
      this.#lastArrival = this.#time.now();
      this.#send(request, snapshot);
      this.#scheduleNext(snapshot, requests);
    };
    this.#time.set(arrive, request.atMs - this.#time.now());
  }

  #send(request: SimulatedRequest, snapshot: Snapshot): void {
    const exchange = createExchange(request, { snapshot, listener: this.#listener, clock: this.#time });
    this.#underWay++;
    this.#handle({
      exchange,
      respond: ({ status }) => {
        this.#underWay--;
        exchange.status = status;
        exchange.phase = 'done';
        exchange.end();
        this.#record(exchange);
      },
    });
  }

  #record(exchange: Exchange): void {
    const { route, upstream, endpoint, status, startedAt, firstByteMs } = exchange;
    const isMeant = this.#routes.has(route?.name ?? '') && (!upstream || upstream.name === this.#plan.upstream);
    if (!isMeant) {
      this.#elsewhere++;
      return;
    }
    const answered = endpoint !== undefined && firstByteMs >= 0;
    this.#exchanges.add({
      startMs: startedAt,
      endMs: this.#time.now(),
      endpoint: answered ? this.#gateway.indexOf(seriesKey.endpoint(this.#plan.upstream, endpoint.name)) : -1,
      status,
    });
  }

  /** What the gateway logs of endpoints' health is kept; a fault of the gateway ends the simulation. */
  #createLog(): Log {
    const keep = (what: string, { upstream, endpoint, reason }: LogFields = {}): void => {
      if (upstream !== this.#plan.upstream || typeof endpoint !== 'string') return;
      this.#events.push({ atMs: this.#time.now(), endpoint, what, reason: String(reason ?? '') });
    };
    return {
      debug() {},
      info: keep,
      warn: keep,
      error(message, fields) {
        throw new Error(`${message}: ${JSON.stringify(fields)}`);
      },
    };
  }
}
