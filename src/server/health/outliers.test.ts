// Who is an outlier, by examples and by what must hold of all figures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#lib/properties.ts';
import { type EndpointFigures, findOutliers, type OutlierRules } from './outliers.ts';

const RULES = {
  'success-rate': { deviations: 1.9, margin: 0.05, 'min-endpoints': 5, 'min-requests': 100 },
  latency: { times: 3, 'min-latency': 10, 'min-endpoints': 3, 'min-requests': 100 },
} satisfies OutlierRules;

function endpoint(key: string, successes: number, failures: number, averageMs = 20): EndpointFigures {
  return { key, successes, failures, latencyMs: successes * averageMs };
}

function outOf(figures: readonly EndpointFigures[], rules: OutlierRules = RULES): string {
  return findOutliers(figures, rules)
    .map(({ key, cause }) => `${key} ${cause}`)
    .join(', ');
}

const four = ['a', 'b', 'c', 'd'].map((key) => endpoint(key, 200, 0));

test('of five the one that fails often is out, and not the one that failed once', () => {
  assert.equal(outOf([...four, endpoint('e', 150, 50)]), 'e success-rate');
  assert.equal(outOf([...four, endpoint('e', 199, 1)]), '');
});

test('the margin holds where endpoints hardly differ, and 0% leaves the deviations alone', () => {
  const figures = [...four, endpoint('e', 192, 8)];
  assert.equal(outOf(figures), '');
  assert.equal(outOf(figures, { 'success-rate': { ...RULES['success-rate'], margin: 0 } }), 'e success-rate');
});

test('when all fail alike, nobody is out', () => {
  assert.equal(outOf(['a', 'b', 'c', 'd', 'e'].map((key) => endpoint(key, 0, 500))), '');
});

test('an endpoint with few requests is neither judged nor counted', () => {
  assert.equal(outOf([...four, endpoint('e', 0, 99)]), '');
  assert.equal(outOf([...four, endpoint('e', 0, 100)]), 'e success-rate');
});

test('one is slow when it takes so many times the median of the others, and more than the least latency', () => {
  const others = [endpoint('a', 100, 0, 20), endpoint('b', 100, 0, 30)];
  assert.equal(outOf([...others, endpoint('c', 100, 0, 76)]), 'c latency');
  assert.equal(outOf([...others, endpoint('c', 100, 0, 75)]), '');
  const fast = [endpoint('a', 100, 0, 1), endpoint('b', 100, 0, 1)];
  assert.equal(outOf([...fast, endpoint('c', 100, 0, 10)]), '');
  assert.equal(outOf([...fast, endpoint('c', 100, 0, 11)]), 'c latency');
});

test('who fails and is slow is named once, and the worst come first', () => {
  const eight = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((key) => endpoint(key, 200, 0));
  const figures = [...eight, endpoint('x', 120, 80, 500), endpoint('y', 100, 100, 900), endpoint('z', 200, 0, 100)];
  assert.equal(outOf(figures), 'y success-rate, x success-rate, z latency');
});

const figures = fc.uniqueArray(
  fc.record({
    key: fc.string({ minLength: 1, maxLength: 4 }),
    successes: fc.nat(2000),
    failures: fc.nat(2000),
    average: fc.double({ min: 0, max: 10_000, noNaN: true }),
  }),
  { selector: ({ key }) => key, maxLength: 12 },
);

const rules = fc.record(
  {
    'success-rate': fc.record({
      deviations: fc.double({ min: 0.1, max: 5, noNaN: true }),
      margin: fc.double({ min: 0, max: 1, noNaN: true }),
      'min-endpoints': fc.integer({ min: 2, max: 8 }),
      'min-requests': fc.integer({ min: 1, max: 2000 }),
    }),
    latency: fc.record({
      times: fc.double({ min: 1, max: 10, noNaN: true }),
      'min-latency': fc.double({ min: 0, max: 1000, noNaN: true }),
      'min-endpoints': fc.integer({ min: 2, max: 8 }),
      'min-requests': fc.integer({ min: 1, max: 2000 }),
    }),
  },
  { requiredKeys: [] },
);

/** Runs `holds` over many sets of figures and rules. */
function always(holds: (given: readonly EndpointFigures[], by: OutlierRules) => void): void {
  fc.assert(
    fc.property(figures, rules, (given, by) => {
      holds(
        given.map(({ key, successes, failures, average }) => endpoint(key, successes, failures, average)),
        by as OutlierRules,
      );
    }),
    { numRuns: 2000 },
  );
}

test('always: whoever is out was judged by enough requests among enough endpoints, and is named once', () => {
  always((given, by) => {
    const found = findOutliers(given, by);
    assert.equal(new Set(found.map(({ key }) => key)).size, found.length);
    for (const { key, cause } of found) {
      const rule = by[cause];
      assert.ok(rule);
      const counted = ({ successes, failures }: EndpointFigures) => successes + (cause === 'latency' ? 0 : failures);
      const judged = given.filter((one) => counted(one) >= rule['min-requests']);
      assert.ok(judged.length >= rule['min-endpoints']);
      assert.ok(judged.some((one) => one.key === key));
    }
  });
});

test('always: the best endpoint is never out, so that one is left', () => {
  always((given, by) => {
    for (const cause of ['success-rate', 'latency'] as const) {
      const out = findOutliers(given, { [cause]: by[cause] });
      const worth = ({ successes, failures, latencyMs }: EndpointFigures) =>
        cause === 'latency' ? -latencyMs / successes : successes / (successes + failures);
      const rule = by[cause];
      const judged = given.filter(
        (one) => one.successes + (cause === 'latency' ? 0 : one.failures) >= (rule?.['min-requests'] ?? 0),
      );
      const best = Math.max(...judged.map(worth));
      for (const { key } of out) assert.ok(worth(given.find((one) => one.key === key) as EndpointFigures) < best);
    }
  });
});

test('always: whoever is no better than one that is out for its success rate is out too', () => {
  always((given, by) => {
    const rule = by['success-rate'];
    if (!rule) return;
    const out = new Set(findOutliers(given, { 'success-rate': rule }).map(({ key }) => key));
    const judged = given.filter(({ successes, failures }) => successes + failures >= rule['min-requests']);
    const rate = ({ successes, failures }: EndpointFigures) => successes / (successes + failures);
    const worstKept = Math.min(...judged.filter(({ key }) => !out.has(key)).map(rate));
    for (const one of judged) if (out.has(one.key)) assert.ok(rate(one) < worstKept);
  });
});

test('always: the order of the endpoints tells nothing', () => {
  always((given, by) => {
    const keys = (list: readonly EndpointFigures[]) => findOutliers(list, by).map(({ key }) => key);
    assert.deepEqual(new Set(keys(given)), new Set(keys(given.toReversed())));
  });
});

test('always: endpoints that do alike stay', () => {
  fc.assert(
    fc.property(figures, rules, fc.nat(9000), fc.integer({ min: 2000, max: 9000 }), (given, by, well, badly) => {
      const alike = given.map(({ key }) => endpoint(key, well, badly, 50));
      assert.deepEqual(findOutliers(alike, by as OutlierRules), []);
    }),
  );
});
