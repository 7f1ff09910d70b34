// Endpoints listed by name: what stands beside a name goes for each of its addresses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration, referencesFor } from '#config/load.ts';
import { type LogFields, silentLog } from '#lib/log.ts';
import { systemTimers } from '#lib/timers.ts';
import { ResolverSet } from './resolver-set.ts';

test('the addresses of a listed name have its weight, priority, zone and labels, and stand where it stands', async (t) => {
  const { config } = parseConfiguration(
    `
version: 1
listeners: { web: { address: '127.0.0.1:0' } }
upstreams:
  app:
    endpoints:
      - { address: 'localhost:9001', weight: 3, priority: 2, zone: a, labels: { version: v2 } }
      - 127.0.0.9:9002
`,
    referencesFor('.', {}),
  );
  const host = { log: silentLog, setTimer: systemTimers.set, now: () => 0, random: () => 0.5 };
  let set: ResolverSet | undefined;
  await new Promise<void>((resolve) => {
    set = new ResolverSet(host, () => resolve());
    set.use(config);
  });
  t.after(() => set?.stop());
  const { app } = config.upstreams;
  assert.ok(app);
  const found = set?.endpoints('app', app) ?? [];
  assert.ok(found.length > 1);
  assert.equal(found.at(-1)?.host, '127.0.0.9');
  for (const { weight, priority, zone, labels } of found.slice(0, -1))
    assert.deepEqual(
      { weight, priority, zone, labels },
      { weight: 3, priority: 2, zone: 'a', labels: { version: 'v2' } },
    );
});

test('the log of a resolver names the upstream', async (t) => {
  const { config } = parseConfiguration(
    `
version: 1
listeners: { web: { address: '127.0.0.1:0' } }
upstreams: { app: { resolve: { type: file, path: /nowhere/app.yaml } } }
`,
    referencesFor('.', {}),
  );
  const said = Promise.withResolvers<unknown>();
  const log = { ...silentLog, warn: (_message: string, fields?: LogFields) => said.resolve(fields?.upstream) };
  const set = new ResolverSet({ log, setTimer: systemTimers.set, now: () => 0, random: () => 0.5 }, () => {});
  t.after(() => set.stop());
  set.use(config);
  assert.equal(await said.promise, 'app');
});
