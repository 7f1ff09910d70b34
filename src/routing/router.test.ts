// Which route a request goes to: the documented precedence, and agreement with a slow reading of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import type { Route, RouteMatch, ValueMatch } from '#model/route.ts';
import { createTestExchange, type TestRequest } from '#model/testing.ts';
import { createRouter } from './router.ts';

const OPEN: RouteMatch = { hosts: [], paths: [], methods: [], fields: [], query: [], clients: [] };

function route(name: string, match: Partial<RouteMatch>): Route {
  return { name, match: { ...OPEN, ...match } } as Route;
}

/** Name of the route that gets the request. */
function routed(routes: readonly Route[], request: TestRequest, client = '192.0.2.1'): string | undefined {
  return createRouter(routes).match(createTestExchange(request).request, client)?.route.name;
}

test('an exact host comes before a wildcard, a longer wildcard before a shorter, both before no host', () => {
  const routes = [
    route('any', {}),
    route('short', { hosts: ['*.example.com'] }),
    route('long', { hosts: ['*.api.example.com'] }),
    route('exact', { hosts: ['v1.api.example.com'] }),
  ];
  assert.equal(routed(routes, { host: 'V1.API.example.com:8080' }), 'exact');
  assert.equal(routed(routes, { host: 'v2.api.example.com' }), 'long');
  assert.equal(routed(routes, { host: 'api.example.com' }), 'short');
  assert.equal(routed(routes, { host: 'example.com' }), 'any');
});

test('a host whose routes do not match falls through to less specific ones', () => {
  const routes = [
    route('exact', { hosts: ['a.example.com'], paths: ['/only'] }),
    route('wildcard', { hosts: ['*.example.com'], paths: ['/here/*'] }),
    route('any', { paths: ['/*'] }),
  ];
  assert.equal(routed(routes, { host: 'a.example.com', target: '/only' }), 'exact');
  assert.equal(routed(routes, { host: 'a.example.com', target: '/here/x' }), 'wildcard');
  assert.equal(routed(routes, { host: 'a.example.com', target: '/else' }), 'any');
});

test('paths: exact, then literal before parameter, then the longer prefix, then expressions, then none', () => {
  const routes = [
    route('none', {}),
    route('expression', { paths: ['~/a/.*'] }),
    route('short', { paths: ['/a/*'] }),
    route('long', { paths: ['/a/b/*'] }),
    route('parameter', { paths: ['/a/:x'] }),
    route('literal', { paths: ['/:x/c'] }),
    route('exact', { paths: ['/a/b'] }),
  ];
  assert.equal(routed(routes, { target: '/a/b' }), 'exact');
  assert.equal(routed(routes, { target: '/a/c' }), 'parameter');
  assert.equal(routed(routes, { target: '/z/c' }), 'literal');
  assert.equal(routed(routes, { target: '/a/b/c' }), 'long');
  assert.equal(routed(routes, { target: '/a/x/y' }), 'short');
  assert.equal(routed(routes.slice(0, 2), { target: '/a/x' }), 'expression');
  assert.equal(routed(routes, { target: '/z' }), 'none');
});

test('of equal paths the route with more conditions comes first, then the order written', () => {
  const field: ValueMatch = { name: 'x-a', equals: '1' };
  const routes = [
    route('plain', { paths: ['/p'] }),
    route('field', { paths: ['/p'], fields: [field] }),
    route('both', { paths: ['/p'], fields: [field], methods: ['POST'] }),
    route('again', { paths: ['/p'] }),
  ];
  const fields = [['x-a', '1']] as const;
  assert.equal(routed(routes, { target: '/p', method: 'POST', fields }), 'both');
  assert.equal(routed(routes, { target: '/p', fields }), 'field');
  assert.equal(routed(routes, { target: '/p' }), 'plain');
});

test('conditions: fields, query and clients', () => {
  const routes = [
    route('prefix', { fields: [{ name: 'x-a', prefix: 'ab' }] }),
    route('matches', { fields: [{ name: 'x-a', matches: '^[0-9]+$' }] }),
    route('absent', { fields: [{ name: 'x-b', present: false }], query: [{ name: 'q', present: true }] }),
    route('query', { query: [{ name: 'q', equals: 'a b' }] }),
    route('clients', { clients: ['10.0.0.0/8', '2001:db8::/32'] }),
  ];
  assert.equal(routed(routes, { fields: [['X-A', 'abc']] }), 'prefix');
  assert.equal(routed(routes, { fields: [['X-A', '42']] }), 'matches');
  assert.equal(routed(routes, { target: '/?q' }), 'absent');
  assert.equal(routed(routes, { target: '/?q=a%20b', fields: [['x-b', '1']] }), 'query');
  assert.equal(routed(routes, {}, '10.200.3.4'), 'clients');
  assert.equal(routed(routes, {}, '2001:db8::7'), 'clients');
  assert.equal(routed(routes, {}, '11.0.0.1'), undefined);
});

test('parameters, the rest of a prefix and named groups are handed on', () => {
  const router = createRouter([
    route('segments', { paths: ['/users/:id/files/*'] }),
    route('expression', { paths: ['~/v(?<major>[0-9]+)/.*'] }),
  ]);
  const parameters = (target: string, ...names: string[]) => {
    const found = router.match(createTestExchange({ target }).request, '192.0.2.1')?.parameters;
    return names.map((name) => found?.get(name));
  };
  assert.deepEqual(parameters('/users/7/files/a/b', 'id', '*', 'other'), ['7', 'a/b', undefined]);
  assert.deepEqual(parameters('/v12/x', 'major', '*', 'toString'), ['12', undefined, undefined]);
});

test('RFC 9110 9.3.2: a route for GET serves HEAD; RFC 9110 15.5.6: the methods that would match are told', () => {
  const routes = [route('get', { paths: ['/p'], methods: ['GET'] }), route('put', { paths: ['/p'], methods: ['PUT'] })];
  assert.equal(routed(routes, { target: '/p', method: 'HEAD' }), 'get');
  assert.equal(routed(routes, { target: '/p', method: 'DELETE' }), undefined);
  const { request } = createTestExchange({ target: '/p', method: 'DELETE' });
  assert.deepEqual([...createRouter(routes).allowedMethods(request, '192.0.2.1')].toSorted(), ['GET', 'HEAD', 'PUT']);
});

test('a parameter named like a member of every object is a parameter', () => {
  const router = createRouter([route('one', { paths: ['/:constructor/:__proto__'] })]);
  const found = router.match(createTestExchange({ target: '/a/b' }).request, '192.0.2.1');
  assert.equal(found?.parameters?.get('constructor'), 'a');
  assert.equal(found?.parameters?.get('__proto__'), 'b');
  assert.equal(found?.parameters?.get('toString'), undefined);
});

// A reading of the rules that anybody can follow, to compare the index with.

const HOSTS = ['a.example.com', 'b.a.example.com', 'example.com', '*.example.com', '*.a.example.com'];
const PATHS = ['/', '/a', '/a/b', '/a/*', '/a/b/*', '/*', '/:x', '/:x/b', '/a/:y', '/:x/:y', '/:x/*', '/:x/b/*'];
const TARGETS = ['/', '/a', '/a/', '/b', '/a/b', '/a/c', '/c/b', '/a/b/c', '/c/d', '/c/d/e'];

/** Rank of a host pattern for a host, or undefined when it does not match: higher is more specific. */
function hostRank(pattern: string | undefined, host: string): number | undefined {
  if (pattern === undefined) return 0;
  if (pattern === host) return 1000;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    ? pattern.length
    : undefined;
}

/** Sort key of a path pattern for a path, or undefined when it does not match: smaller is more specific. */
function pathKey(pattern: string | undefined, path: string): readonly number[] | undefined {
  if (pattern === undefined) return [3];
  const rest = pattern.endsWith('/*');
  const wanted = (rest ? pattern.slice(0, -2) : pattern).split('/').slice(1);
  const given = path.split('/').slice(1);
  if (!rest && !pattern.includes(':')) return pattern === path ? [0] : undefined;
  const count = rest && pattern === '/*' ? 0 : wanted.length;
  if (rest ? given.length < count : given.length !== count) return undefined;
  const kinds: number[] = [];
  for (let at = 0; at < count; at++) {
    const isParameter = wanted[at]?.startsWith(':') ?? false;
    if (isParameter ? given[at] === '' : wanted[at] !== given[at]) return undefined;
    kinds.push(isParameter ? 1 : 0);
  }
  return rest ? [2, -count, ...kinds] : [1, ...kinds];
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function expected(routes: readonly Route[], host: string, path: string): string | undefined {
  const found = routes.flatMap((candidate, order) => {
    const rank = hostRank(candidate.match.hosts[0], host);
    const key = pathKey(candidate.match.paths[0], path);
    return rank === undefined || key === undefined ? [] : [{ name: candidate.name, rank, key, order }];
  });
  found.sort((a, b) => b.rank - a.rank || compareKeys(a.key, b.key) || a.order - b.order);
  return found[0]?.name;
}

test('any set of routes, any request: the index finds what a reading of the rules finds', () => {
  const anyRoute = fc.record({
    host: fc.option(fc.constantFrom(...HOSTS), { nil: undefined }),
    path: fc.option(fc.constantFrom(...PATHS), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.array(anyRoute, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(
        'a.example.com',
        'b.a.example.com',
        'c.b.a.example.com',
        'x.example.com',
        'example.com',
        'other.net',
      ),
      fc.constantFrom(...TARGETS),
      (specs, host, target) => {
        const routes = specs.map(({ host: pattern, path }, index) =>
          route(`r${index}`, { hosts: pattern ? [pattern] : [], paths: path ? [path] : [] }),
        );
        assert.equal(routed(routes, { host, target }), expected(routes, host, target));
      },
    ),
    { numRuns: 3000 },
  );
});
