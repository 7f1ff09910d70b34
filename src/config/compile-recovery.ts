// Compiles what an upstream does about failures, slowness and too many requests: retries, hedging, circuit breaker, gate.
import type { CircuitBreaker } from '#memory/circuit-breaker.ts';
import type { UpstreamCells } from '#memory/upstream-table.ts';
import type { Gate, HedgeDelay, RetrySettings } from '#model/upstream.ts';
import { AdaptiveLimit } from '#proxy/adaptive-limit.ts';
import { type ConcurrencyLimit, UpstreamGate } from '#proxy/gate.ts';
import { FixedDelay, QuantileDelay } from '#proxy/hedge-delay.ts';
import { countGateRefusal } from '#telemetry/series.ts';
import { GRPC_STATUS } from '#wire/grpc/status.ts';
import { type CompileHost, seriesKey } from './compile-host.ts';
import type { UpstreamConfig } from './config-schema.ts';

const KINDS = ['connect', 'reset', 'timeout'] as const;
const GRPC_STATUSES = {
  'grpc-cancelled': GRPC_STATUS.cancelled,
  'grpc-deadline-exceeded': GRPC_STATUS.deadlineExceeded,
  'grpc-internal': GRPC_STATUS.internal,
  'grpc-resource-exhausted': GRPC_STATUS.resourceExhausted,
  'grpc-unavailable': GRPC_STATUS.unavailable,
} as const;
const GATEWAY_ERRORS = [502, 503, 504];
const SERVER_ERRORS = Array.from({ length: 100 }, (_, i) => 500 + i);

export function compileRetry({ retry }: UpstreamConfig): RetrySettings {
  const statuses = retry.on.flatMap((one) => {
    if (one === 'gateway-error') return GATEWAY_ERRORS;
    if (one === '5xx') return SERVER_ERRORS;
    return typeof one === 'number' ? [one] : [];
  });
  return {
    attempts: retry.attempts,
    kinds: new Set(KINDS.filter((kind) => retry.on.includes(kind))),
    statuses: new Set(statuses),
    grpcStatuses: new Set(
      Object.entries(GRPC_STATUSES).flatMap(([name, status]) => (retry.on.some((one) => one === name) ? [status] : [])),
    ),
    methods: new Set(retry.methods),
    attemptTimeoutMs: retry['attempt-timeout'] ?? Number.POSITIVE_INFINITY,
    backoffMs: retry.backoff,
    maxBackoffMs: retry['max-backoff'],
    maxBodyBytes: retry['body-limit'],
    triesAgain: retry['same-endpoint'],
  };
}

export function compileHedge({ hedge }: UpstreamConfig): HedgeDelay | undefined {
  if (!hedge) return undefined;
  return 'ms' in hedge.after ? new FixedDelay(hedge.after.ms) : new QuantileDelay(hedge.after.quantile);
}

export function compileBreaker(
  name: string,
  config: UpstreamConfig,
  cells: UpstreamCells,
  { clock, log }: CompileHost,
): CircuitBreaker | undefined {
  const settings = circuitSettings(config);
  if (!settings) return undefined;
  const breaker = cells.breaker(settings, clock);
  breaker.onChange = (state, reason) => log.warn(`circuit is ${state}`, { upstream: name, reason });
  return breaker;
}

export function circuitSettings(config: UpstreamConfig) {
  const given = config['circuit-breaker'];
  return (
    given && {
      windowMs: given.window,
      minRequests: given['min-requests'],
      failureShare: given['error-rate'],
      slowShare: given.slow === undefined ? Number.POSITIVE_INFINITY : given['slow-rate'],
      slowMs: given.slow ?? 0,
      openMs: given.open,
      trials: given.trials,
    }
  );
}

export function compileGate(
  name: string,
  { concurrency }: UpstreamConfig,
  cells: UpstreamCells,
  host: CompileHost,
): Gate | undefined {
  if (!concurrency) return undefined;
  const { min, max, tolerance } = concurrency;
  const shared = cells.concurrency;
  const limit: ConcurrencyLimit =
    concurrency.limit === 'adaptive'
      ? new AdaptiveLimit({ min, max, tolerance }, shared, host.clock)
      : { value: concurrency.limit, observe() {} };
  const series = host.series(seriesKey.upstream(name));
  const settings = {
    upstream: name,
    maxWaiting: concurrency['max-waiting'],
    waitTimeoutMs: concurrency['wait-timeout'],
  };
  return new UpstreamGate(settings, shared, limit, { timers: host.timers, refused: () => countGateRefusal(series) });
}
