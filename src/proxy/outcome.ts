// Notes how attempts at an endpoint go: for the figures by which outliers are found, and towards the row of failures that ejects.
import { type FailureKind, failureKindOf, failureKindOfStatus } from '#model/failure-kind.ts';
import type { Response } from '#model/message.ts';
import type { ProxyError } from '#model/proxy-error.ts';
import type { Endpoint, Upstream } from '#model/upstream.ts';
import { countAttemptFailure, countAttemptSuccess } from '#telemetry/series.ts';

/** Told when an endpoint has failed so often in a row that it should be ejected, and how it failed last. */
export type FailureReport = (upstream: Upstream, endpoint: Endpoint, last: FailureKind) => void;

/** What a response says of its endpoint, as an HTTP status, and its content, which may still break off. */
export type Judged = Pick<Response, 'status' | 'body'>;

interface Surroundings {
  readonly upstream: Upstream;
  readonly report: FailureReport;
}

/**
 * The head of a response has come, `latencyMs` after the attempt began. Returns whether the response is no failure. It then
 * ends the row, but only once all of it is here, as its content may still break off.
 */
export function noteResponse(
  surroundings: Surroundings,
  endpoint: Endpoint,
  { status, body }: Judged,
  latencyMs: number,
): boolean {
  if (status < 500) countAttemptSuccess(endpoint.series, latencyMs);
  else countAttemptFailure(endpoint.series);
  const kind = failureKindOfStatus(status, surroundings.upstream.eject.on);
  if (kind !== undefined) lengthenRow(surroundings, endpoint, kind);
  else if (body?.type !== 'stream') endpoint.cells.recordSuccess();
  return kind === undefined;
}

/** An attempt has failed by the fault of the endpoint. A kind that does not count leaves the row as it is. */
export function noteFailure(surroundings: Surroundings, endpoint: Endpoint, error: ProxyError): void {
  countAttemptFailure(endpoint.series);
  const kind = failureKindOf(error);
  if (surroundings.upstream.eject.on.has(kind)) lengthenRow(surroundings, endpoint, kind);
}

function lengthenRow({ upstream, report }: Surroundings, endpoint: Endpoint, kind: FailureKind): void {
  const failures = endpoint.cells.recordFailure();
  const { after } = upstream.eject;
  if (after > 0 && failures % after === 0) report(upstream, endpoint, kind);
}
