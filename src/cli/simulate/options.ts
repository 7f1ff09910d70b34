// The options of `tidegate simulate`, from words to values; what is wrong with one is a wrong call of the command.
import { balancers } from '#balancers/index.ts';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { parseAuthority } from '#http/authority.ts';
import { isFieldName, isFieldValue, isFramingField } from '#http/fields.ts';
import { normalizePath } from '#http/path.ts';
import { nearest } from '#lib/nearest.ts';
import { parseAddress, type SocketAddress } from '#schema/address.ts';
import { parseDuration, parseRate } from '#schema/units.ts';
import { type Behaviour, parseBehaviour } from '#simulate/behaviour.ts';
import { ARRIVAL_PATTERNS, type ArrivalPlan, MAX_CLIENTS } from '#simulate/traffic.ts';

/** What a simulation holds in memory at the most. */
const MAX_REQUESTS = 10_000_000;
/** Where neither a number nor a time is given. */
const DEFAULT_REQUESTS = 10_000;

/** The options as written. */
export interface SimulateWords {
  readonly balancer?: string;
  readonly upstream?: string;
  readonly endpoint?: readonly string[];
  readonly requests?: string;
  readonly duration?: string;
  readonly rate: string;
  readonly arrivals: string;
  readonly burst: string;
  readonly from?: string;
  readonly clients: string;
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly header?: readonly string[];
  readonly seed: string;
  readonly json?: boolean;
}

/** How an address behaves, or all that are not named. */
export interface EndpointOption {
  readonly address: SocketAddress | '*';
  readonly behaviour: Behaviour;
}

export interface SimulateOptions {
  /** Types of balancers; empty for the one of the configuration. */
  readonly balancers: readonly string[];
  readonly upstream: string | undefined;
  readonly endpoints: readonly EndpointOption[];
  /** Where the simulation ends, whichever comes first; infinite for what is not limited. */
  readonly limit: { readonly requests: number; readonly ms: number };
  readonly arrivals: ArrivalPlan;
  /** An access log to replay instead. */
  readonly from: string | undefined;
  readonly clients: number;
  /** What the requests look like; `undefined` is left to the route. */
  readonly request: {
    readonly method: string | undefined;
    readonly host: string | undefined;
    /** With the query. */
    readonly path: string | undefined;
    /** Lines `name: value`. */
    readonly headers: readonly string[];
  };
  readonly seed: number;
  readonly json: boolean;
}

/** Throws a `CommandError`. */
export function readOptions(words: SimulateWords): SimulateOptions {
  const arrivals: ArrivalPlan = {
    pattern: parsePattern(words.arrivals),
    perMs: parseArrivalRate(words.rate),
    burst: parseCount('--burst', words.burst, MAX_REQUESTS),
  };
  return {
    balancers: words.balancer === undefined ? [] : words.balancer.split(',').map((name) => parseBalancer(name.trim())),
    upstream: words.upstream,
    endpoints: (words.endpoint ?? []).map(parseEndpoint),
    limit: parseLimit(words, arrivals),
    arrivals,
    from: words.from,
    clients: parseCount('--clients', words.clients, MAX_CLIENTS),
    request: {
      method: words.method === undefined ? undefined : parseMethod(words.method),
      host: words.host === undefined ? undefined : parseHost(words.host),
      path: words.path === undefined ? undefined : parsePath(words.path),
      headers: (words.header ?? []).map(parseHeader),
    },
    seed: parseSeed(words.seed),
    json: words.json === true,
  };
}

function parseLimit(words: SimulateWords, { perMs }: ArrivalPlan): SimulateOptions['limit'] {
  const ms = words.duration === undefined ? Number.POSITIVE_INFINITY : parseTime(words.duration);
  const requests = words.requests === undefined ? undefined : parseCount('--requests', words.requests, MAX_REQUESTS);
  if (requests !== undefined || words.from !== undefined) return { requests: requests ?? Number.POSITIVE_INFINITY, ms };
  if (words.duration === undefined) return { requests: DEFAULT_REQUESTS, ms };
  if (ms * perMs > MAX_REQUESTS)
    throw wrong('--duration', `${words.duration} at ${words.rate} is more than ${MAX_REQUESTS} requests`);
  return { requests: Number.POSITIVE_INFINITY, ms };
}

function parseBalancer(name: string): string {
  const types = balancers.map(({ type }) => type);
  if (types.includes(name)) return name;
  const near = nearest(name, types);
  throw wrong(
    '--balancer',
    `there is no balancer "${name}"${near ? `; did you mean "${near}"?` : `; there are ${types.join(', ')}`}`,
  );
}

function parseEndpoint(text: string): EndpointOption {
  const equals = text.indexOf('=');
  if (equals < 0)
    throw wrong('--endpoint', `"${text}" is not ADDRESS=BEHAVIOUR, such as 127.0.0.1:9001=latency:20ms,errors:1%`);
  const name = text.slice(0, equals);
  return {
    address: name === '*' ? name : valid('--endpoint', parseAddress(name)),
    behaviour: valid('--endpoint', parseBehaviour(text.slice(equals + 1))),
  };
}

function parseHeader(line: string): string {
  const [, name = '', value = ''] = /^([^:]*):[ \t]*(.*)$/.exec(line) ?? [];
  if (!isFieldName(name) || !isFieldValue(value))
    throw wrong('--header', `"${line}" is not a field such as "x-user: anna"`);
  if (isFramingField(name.toLowerCase())) throw wrong('--header', `${name} is written by the gateway; see also --host`);
  return `${name}: ${value}`;
}

function parseHost(text: string): string {
  if (!parseAuthority(text)) throw wrong('--host', `"${text}" is not a host such as example.com`);
  return text;
}

function parseMethod(text: string): string {
  if (!isFieldName(text)) throw wrong('--method', `"${text}" is not a method`);
  return text.toUpperCase();
}

function parsePath(text: string): string {
  const queryAt = text.indexOf('?');
  const path = normalizePath(queryAt < 0 ? text : text.slice(0, queryAt), false);
  if (path === undefined) throw wrong('--path', `"${text}" is not a path such as /v1/users`);
  return queryAt < 0 ? path : path + text.slice(queryAt);
}

function parsePattern(text: string): ArrivalPlan['pattern'] {
  const pattern = ARRIVAL_PATTERNS.find((one) => one === text);
  if (!pattern) throw wrong('--arrivals', `"${text}" is none of ${ARRIVAL_PATTERNS.join(', ')}`);
  return pattern;
}

/** Requests a millisecond. */
function parseArrivalRate(text: string): number {
  const { count, perMs } = valid('--rate', parseRate(text));
  return count / perMs;
}

function parseTime(text: string): number {
  const ms = valid('--duration', parseDuration(text));
  if (ms === 0) throw wrong('--duration', 'it must be longer than nothing');
  return ms;
}

function parseSeed(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw wrong('--seed', `"${text}" is not a whole number from 0 to 999999999`);
  return Number(text);
}

function parseCount(option: string, text: string, max: number): number {
  const count = Number(text);
  if (!/^[0-9]{1,9}$/.test(text) || count < 1 || count > max)
    throw wrong(option, `"${text}" is not a whole number from 1 to ${max}`);
  return count;
}

/** What a parser gives; its sentence about what is wrong ends the command. */
function valid<Value extends object | number>(option: string, result: Value | string): Value {
  if (typeof result === 'string') throw wrong(option, result);
  return result;
}

function wrong(option: string, message: string): CommandError {
  return new CommandError(EXIT.usage, `${option}: ${message}`);
}
