// All shared memory of the process: the main thread allots it for a configuration, workers open what was allotted.
import { randomBytes } from 'node:crypto';
import type { FoundEndpoints } from '#config/compile.ts';
import { seriesKey, sessionTableOf } from '#config/compile-host.ts';
import type { Config } from '#config/config-schema.ts';
import type { Clock } from '#lib/clock.ts';
import { type EndpointCells, type EndpointLayout, EndpointTable } from '#memory/endpoint-table.ts';
import { ExpiringTable } from '#memory/expiring-table.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { OutputTurn } from '#memory/output-turn.ts';
import { type SeriesLayout, SeriesTable } from '#memory/series-table.ts';
import { TICKET_KEY_BYTES, TicketKeys } from '#memory/ticket-keys.ts';
import { type UpstreamCells, type UpstreamLayout, UpstreamTable } from '#memory/upstream-table.ts';
import { formatAddress } from '#schema/address.ts';
import { GAUGE_CELLS } from '#telemetry/series.ts';

/** Token buckets that live at once; see `KeyedTable` for what happens beyond. */
const BUCKETS = 65536;

/** What a worker opens: the memory and the slot of each key. */
export interface MemoryLayout {
  readonly series: SeriesLayout;
  readonly endpoints: EndpointLayout;
  readonly upstreams: UpstreamLayout;
  readonly buckets: SharedArrayBuffer;
  readonly secret: Uint8Array;
  /** What session tickets of TLS are sealed with. */
  readonly ticketKeys: SharedArrayBuffer;
  /** Which worker writes to the access log. */
  readonly accessLogTurn: SharedArrayBuffer;
  /** By the keys of `sessionTableOf`. */
  readonly sessions: ReadonlyMap<string, SharedArrayBuffer>;
  /** By the keys of `seriesKey`. */
  readonly slots: ReadonlyMap<string, Slots>;
}

/** Slots of one key; the state of endpoints and upstreams exists for these only. */
export interface Slots {
  readonly series: number;
  readonly endpoint: number;
  readonly upstream: number;
}

export class SharedMemory {
  readonly series: SeriesTable;
  readonly endpoints: EndpointTable;
  readonly ticketKeys = TicketKeys.create(randomBytes(TICKET_KEY_BYTES));
  readonly #upstreams: UpstreamTable;
  readonly #buckets: KeyedTable;
  /** For what all threads sign alike. */
  readonly #secret: Uint8Array = randomBytes(32);
  readonly #accessLogTurn = OutputTurn.createMemory();
  #slots = new Map<string, Slots>();
  #sessions = new Map<string, ExpiringTable>();

  constructor(workers: number, clock: Clock) {
    this.series = new SeriesTable(workers, GAUGE_CELLS, clock);
    this.endpoints = new EndpointTable(workers, clock);
    this.#upstreams = new UpstreamTable(workers, clock);
    const seed = randomBytes(8);
    this.#buckets = KeyedTable.create(BUCKETS, [seed.readInt32LE(0), seed.readInt32LE(4)]);
  }

  /** Live token buckets that had to be dropped. */
  get bucketEvictions(): number {
    return this.#buckets.evictions;
  }

  /** Allots what a configuration needs. What it shares with the present one stays where it is. */
  allot(config: Config, found: FoundEndpoints): MemoryLayout {
    const slots = new Map(keysOf(config, found).map((key) => [key, this.#allot(key)]));
    this.#slots = new Map([...this.#slots, ...slots]);
    const sessions = this.#allotSessions(config);
    this.#sessions = new Map([...this.#sessions, ...sessions]);
    return {
      series: this.series.layout,
      endpoints: this.endpoints.layout,
      upstreams: this.#upstreams.layout,
      buckets: this.#buckets.buffer,
      secret: this.#secret,
      ticketKeys: this.ticketKeys.buffer,
      accessLogTurn: this.#accessLogTurn,
      sessions: new Map([...sessions].map(([key, table]) => [key, table.buffer])),
      slots,
    };
  }

  /** Gives back what is not in `layout`, once it is in use everywhere. */
  keepOnly(layout: MemoryLayout): void {
    const keys = new Set(layout.slots.keys());
    this.#slots = new Map([...this.#slots].filter(([key]) => keys.has(key)));
    this.#sessions = new Map([...this.#sessions].filter(([key]) => layout.sessions.has(key)));
    this.series.retain(keys);
    this.endpoints.retain(keys);
    this.#upstreams.retain(keys);
  }

  /** Reads one cell of a series, over all workers. */
  read(key: string, cell: number): number {
    const slots = this.#slots.get(key);
    return slots ? this.series.total(slots.series, cell) : 0;
  }

  /** The largest that any worker has in one cell of a series. */
  readLargest(key: string, cell: number): number {
    const slots = this.#slots.get(key);
    return slots ? this.series.largest(slots.series, cell) : 0;
  }

  /** An endpoint's shared state, as the main thread sees it. */
  cells(key: string): EndpointCells | undefined {
    const slots = this.#slots.get(key);
    return slots ? this.endpoints.open(slots.endpoint) : undefined;
  }

  /** An upstream's shared state, as the main thread sees it. */
  upstream(key: string): UpstreamCells | undefined {
    const slots = this.#slots.get(key);
    return slots ? this.#upstreams.open(slots.upstream) : undefined;
  }

  /** The sessions of an upstream, by the key of `sessionTableOf`. */
  sessions(key: string): ExpiringTable | undefined {
    return this.#sessions.get(key);
  }

  /** A worker has died. */
  giveBack(worker: number): void {
    this.series.clearGauges(worker);
    this.endpoints.giveBack(worker);
    this.#upstreams.giveBack(worker);
    new OutputTurn(this.#accessLogTurn, worker).giveBack();
  }

  #allotSessions(config: Config): ReadonlyMap<string, ExpiringTable> {
    const wanted = Object.entries(config.upstreams).flatMap(([name, upstream]) => sessionTableOf(name, upstream) ?? []);
    return new Map(
      wanted.map(({ key, size }) => [key, this.#sessions.get(key) ?? ExpiringTable.create(size, randomBytes(16))]),
    );
  }

  #allot(key: string): Slots {
    return {
      series: this.series.allocate(key),
      endpoint: key.startsWith('endpoint:') ? this.endpoints.allocate(key) : -1,
      upstream: key.startsWith('upstream:') ? this.#upstreams.allocate(key) : -1,
    };
  }
}

function keysOf(config: Config, found: FoundEndpoints): string[] {
  const endpoints = Object.entries(config.upstreams).flatMap(([name, upstream]) =>
    (found[name] ?? upstream.endpoints ?? []).map((address) => seriesKey.endpoint(name, formatAddress(address))),
  );
  return [
    seriesKey.workers,
    seriesKey.errors,
    seriesKey.breaches,
    ...Object.keys(config.listeners).map(seriesKey.listener),
    ...config.routes.map((route) => seriesKey.route(route.name as string)),
    ...Object.keys(config.upstreams).map(seriesKey.upstream),
    ...endpoints,
  ];
}
