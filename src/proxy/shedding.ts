// Load shedding: refuses requests while the event loop is late, the least important first, so that those served are served in time.
import type { LoopDelay } from '#lib/loop-delay.ts';
import type { Exchange } from '#model/exchange.ts';
import { ProxyError } from '#model/proxy-error.ts';
import { countShed } from '#telemetry/series.ts';

/** By priority: the multiple of the configured delay at which its requests are refused. Those that are critical never are. */
const REFUSED_AT: readonly number[] = [Number.POSITIVE_INFINITY, 4, 2, 1];

/** Throws when the exchange, whose route is known, is one that the gateway has no time for. */
export function shed(exchange: Exchange, delay: LoopDelay): void {
  const { overloadDelayMs } = exchange.snapshot;
  const { standingMs } = delay;
  if (standingMs < overloadDelayMs) return;
  const refusedAt = overloadDelayMs * (REFUSED_AT[exchange.priority] as number);
  if (standingMs < refusedAt) return;
  if (exchange.route) countShed(exchange.route.series);
  throw new ProxyError('overloaded', `the event loop is ${Math.round(standingMs)} ms late`, {
    fields: [['retry-after', '1']],
  });
}
