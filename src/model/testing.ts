// The test kit for policies and balancers: exchanges without a connection, and a host whose clock and chance stand still until
// told. Not used by the running program.
import { Fields } from '#http/fields.ts';
import { ManualClock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { seededRandom } from '#lib/random.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import { fixedBody } from './body.ts';
import { type ClientConnection, Exchange } from './exchange.ts';
import type { Response } from './message.ts';
import type { PolicyHost } from './policy.ts';
import type { Snapshot } from './snapshot.ts';

export interface TestRequest {
  readonly method?: string;
  /** Path and query. */
  readonly target?: string;
  readonly host?: string;
  readonly fields?: Iterable<readonly [string, string]>;
  readonly body?: string;
  readonly clientAddress?: string;
}

export interface TestPolicyHost extends PolicyHost {
  readonly clock: ManualClock;
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Surroundings for one policy: a clock at rest, seeded chance, an empty table of buckets. */
export function createTestHost(identity = 'routes.test.policies.0'): TestPolicyHost {
  return {
    clock: new ManualClock(),
    random: seededRandom(1),
    log: quiet,
    identity,
    buckets: KeyedTable.create(1024, [1, 2]),
  };
}

/** An exchange of a request that came from `clientAddress`, by default 192.0.2.1. */
export function createTestExchange(request: TestRequest = {}, clock = new ManualClock()): Exchange {
  const {
    method = 'GET',
    target = '/',
    host = 'example.com',
    fields = [],
    body,
    clientAddress = '192.0.2.1',
  } = request;
  const [path = '/', ...query] = target.split('?');
  const received = Fields.from(fields);
  const connection: ClientConnection = {
    listener: 'test',
    remoteAddress: clientAddress,
    remotePort: 50000,
    localAddress: '192.0.2.200',
    localPort: 8080,
    secure: false,
    tls: undefined,
    identityLines: '',
    clock,
  };
  return new Exchange(
    connection,
    testSnapshot,
    {
      method,
      scheme: 'http',
      authority: host,
      host: host.replace(/:\d+$/, '').toLowerCase(),
      path,
      query: query.length > 0 ? `?${query.join('?')}` : '',
      version: '1.1',
      fields: received,
      length: body?.length ?? 0,
      body: body === undefined ? undefined : fixedBody(body),
      upgrade: '',
      acceptsTrailers: false,
      notable: true,
      referer: '',
      userAgent: '',
      contentType: received.get('content-type') ?? '',
    },
    clock.now(),
  );
}

/** A response as an upstream could have given it. */
export function createTestResponse(status = 200, body = 'ok'): Response {
  return { status, reason: '', fields: new Fields(), length: body.length, body: fixedBody(body), tunnel: undefined };
}

const testSnapshot: Snapshot = {
  generation: 1,
  router: { match: () => undefined, allowedMethods: () => [] },
  upstreams: new Map(),
  passages: new Map(),
  streamRoutes: new Map(),
  forwarding: {
    isTrusted: () => false,
    trustsCertificates: false,
    name: 'tidegate',
    viaLine: 'via: 1.1 tidegate\r\n',
    xForwarded: true,
    forwarded: false,
    allowEncodedSlash: false,
  },
  overloadDelayMs: Number.POSITIVE_INFINITY,
  uses: 0,
};
