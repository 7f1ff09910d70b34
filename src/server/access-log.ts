// Counts finished exchanges and writes their access records, in one worker.
import type { Config } from '#config/config-schema.ts';
import type { Log } from '#lib/log.ts';
import type { OutputTurn } from '#memory/output-turn.ts';
import type { Series } from '#memory/series-table.ts';
import type { Exchange } from '#model/exchange.ts';
import { grpcStatusOf } from '#model/grpc-call.ts';
import { type AccessFormat, compileAccessFormat } from '#telemetry/access-format.ts';
import type { AccessRecord } from '#telemetry/access-record.ts';
import { LogWriter } from '#telemetry/log-writer.ts';
import { countExchange, countGrpcCall } from '#telemetry/series.ts';
import { GRPC_STATUS_NAMES } from '#wire/grpc/status.ts';

const FLUSH_MS = 1000;
/** From the end of the time for draining on, that what takes the records has for the last of them. */
const LAST_MS = 1000;

type AccessSettings = Config['logs']['access'];

export class AccessLog {
  readonly #log: Log;
  #settings: AccessSettings | undefined = undefined;
  #writer: LogWriter | undefined = undefined;
  #format: AccessFormat | undefined = undefined;
  #next: { readonly settings: AccessSettings; readonly writer: LogWriter | undefined } | undefined = undefined;
  #problem = '';
  /** Those that a reload has replaced, and that have not written all yet. */
  readonly #leaving = new Set<LogWriter>();

  constructor(log: Log) {
    this.#log = log;
    setInterval(() => this.#flush(), FLUSH_MS);
  }

  /** Opens what a new configuration names, and what all workers write to. Throws the system's error. */
  prepare(settings: AccessSettings, turn: OutputTurn): void {
    this.discard();
    const kept = this.#settings?.to === settings.to ? this.#writer : undefined;
    const path = settings.to === 'stdout' ? undefined : settings.to;
    this.#next = { settings, writer: settings.to === 'off' ? undefined : (kept ?? new LogWriter(path, turn)) };
  }

  commit(): void {
    if (!this.#next) return;
    const before = this.#writer;
    this.#settings = this.#next.settings;
    this.#writer = this.#next.writer;
    this.#format = compileAccessFormat(this.#settings.format);
    this.#next = undefined;
    if (before && before !== this.#writer) void this.#finish(before);
  }

  /** Closes what was opened for a configuration that is not to be used. */
  discard(): void {
    const writer = this.#next?.writer;
    this.#next = undefined;
    if (writer && writer !== this.#writer) void writer.close();
  }

  /** Called once for each exchange, at its end. */
  record(exchange: Exchange, listener: Series): void {
    const durationMs = exchange.clock.now() - exchange.startedAt;
    const { status, route, upstream, endpoint, passage } = exchange;
    const grpcStatus = exchange.grpc && grpcStatusOf(exchange.grpc, exchange);
    // What is passed on as it is has been counted as it moved.
    const received = passage ? 0 : exchange.bytesReceived;
    const sent = passage ? 0 : exchange.bytesSent;
    countExchange(listener, status, received, sent, durationMs);
    if (route) countExchange(route.series, status, received, sent, durationMs);
    if (upstream) countExchange(upstream.series, status, received, sent, durationMs);
    if (endpoint) countExchange(endpoint.series, status, received, sent, durationMs);
    if (grpcStatus !== undefined) {
      if (route) countGrpcCall(route.series, grpcStatus);
      if (upstream) countGrpcCall(upstream.series, grpcStatus);
    }
    if (this.#writer && this.#format) this.#writer.write(this.#format(recordOf(exchange, durationMs, grpcStatus)));
  }

  reopen(): void {
    this.#writer?.reopen();
  }

  /** Resolves when all is written, also where records went before a reload. */
  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer) void this.#finish(writer);
    await Promise.all([...this.#leaving].map((leaving) => leaving.close()));
  }

  /** Who does not read is not waited for much longer: the gateway ends. */
  hurry(): void {
    setTimeout(() => {
      for (const writer of [this.#writer, ...this.#leaving]) writer?.giveUp();
    }, LAST_MS);
  }

  async #finish(writer: LogWriter): Promise<void> {
    this.#leaving.add(writer);
    await writer.close();
    this.#report(writer);
    this.#leaving.delete(writer);
  }

  #flush(): void {
    this.#writer?.flush();
    for (const writer of [this.#writer, ...this.#leaving]) if (writer) this.#report(writer);
    this.#tellOfReopening();
  }

  #report(writer: LogWriter): void {
    const dropped = writer.takeDropped();
    if (dropped > 0) this.#log.warn('access records were dropped: what takes them is too slow', { dropped });
  }

  #tellOfReopening(): void {
    const problem = this.#writer?.reopenProblem ?? '';
    if (problem !== '' && problem !== this.#problem)
      this.#log.error('the access log was not opened anew; the file that was moved away is still written to', {
        problem,
      });
    this.#problem = problem;
  }
}

function recordOf(exchange: Exchange, durationMs: number, grpcStatus: number | undefined): AccessRecord {
  const { request, connection, error, upstream } = exchange;
  return {
    time: connection.clock.wall(),
    id: exchange.knownId,
    client: exchange.clientAddress,
    listener: connection.listener,
    method: request.method,
    scheme: request.scheme,
    authority: request.authority,
    path: request.path,
    query: request.query,
    version: request.version,
    status: exchange.status,
    bytesReceived: exchange.bytesReceived,
    bytesSent: exchange.bytesSent,
    durationMs,
    firstByteMs: exchange.firstByteMs,
    route: exchange.route?.name ?? '',
    upstream: upstream?.name ?? '',
    endpoint: exchange.endpoint?.name ?? '',
    attempts: exchange.attempts,
    grpcStatus: grpcStatus === undefined ? '' : (GRPC_STATUS_NAMES[grpcStatus] ?? ''),
    phase: exchange.endedIn,
    endedBy: error?.side ?? '',
    error: error?.code ?? '',
    reason: error?.message ?? '',
    policy: exchange.answeredBy,
    consumer: exchange.consumer,
    referer: request.referer,
    userAgent: request.userAgent,
    tls: connection.tls,
    passage: exchange.passage,
    tunnel: exchange.tunnel,
  };
}
