// `npm run faults`: puts one of three endpoints through every fault under load, and prints what clients saw of it as the table of
// docs/guides/faults.md. Ends with 1 when something failed that the gateway could have saved.
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { unexpected } from './fault-judge.ts';
import { FAULTS, type Fault } from './fault-list.ts';
import { canMakeNamespaces, type FaultResult, runFault } from './fault-run.ts';

const { values } = parseArgs({ options: { connections: { type: 'string', default: '50' } } });

const rows: string[] = [];

for (const fault of FAULTS) {
  const skip = fault.needs === 'namespace' && !canMakeNamespaces() && 'it needs network namespaces (root)';
  test(`${fault.name}: ${fault.what}`, { skip, timeout: 60_000 }, async (t) => {
    const options = { connections: Number(values.connections), pauseMs: 5, faultMs: 3000, afterMs: 3000 };
    const result = await runFault(t, fault, options);
    rows.push(row(fault, result));
    t.assert.deepEqual(unexpected(fault, result), []);
  });
}

test('the table', (t) => {
  for (const line of rows) t.diagnostic(line);
});

function row({ name, what }: Fault, { requests, failures, outAfterMs, p99Ms, longestMs }: FaultResult): string {
  const seen = new Map<string, number>();
  for (const failure of failures) {
    const key = `${failure.method} ${/^\d+$/.test(failure.seen) ? failure.seen : 'broken off'}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const failed = [...seen].map(([key, count]) => `${count} x ${key}`).join(', ') || 'none';
  const out = outAfterMs === undefined ? '-' : `${outAfterMs} ms`;
  return `| ${name} | ${what} | ${requests} | ${failed} | ${p99Ms.toFixed(0)} ms | ${longestMs.toFixed(0)} ms | ${out} |`;
}
