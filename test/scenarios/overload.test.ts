// A gateway that gets too little of its machine refuses what is least important, says so, and serves the rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startTidegate } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('while the event loop is late, requests are refused by the priority of their route', async (t) => {
  const origin = await startOrigin(t);
  const gateway = await startTidegate(
    t,
    `
overload: { delay: 100ms }
routes:
  - { name: vital, match: { path: /vital }, upstream: app, priority: critical }
  - { name: rest, match: { path: /* }, upstream: app, priority: low }
upstreams: { app: { endpoints: ['${origin.address}'] } }
`,
  );
  const client = await connectRaw(t, gateway.port());
  assert.equal((await client.request(get('/'))).status, 200);
  // The process is stopped again and again, for longer than it runs.
  let isLate = true;
  const hold = async () => {
    while (isLate) {
      gateway.child.kill('SIGSTOP');
      await pause(300);
      gateway.child.kill('SIGCONT');
      await pause(20);
    }
  };
  const held = hold();
  let response = await client.request(get('/'));
  while (response.status === 200) response = await client.request(get('/'));
  const vital = await client.request(get('/vital'));
  isLate = false;
  await held;
  assert.equal(response.status, 503);
  assert.equal(response.field('retry-after'), '1');
  assert.equal(vital.status, 200);
  const records = await gateway.until(() => gateway.records.find(({ status }) => status === 503));
  assert.equal(records.error, 'overloaded');
  assert.ok((await gateway.metric('tidegate_route_shed_total{route="rest"}')) >= 1);
  while ((await client.request(get('/'))).status !== 200) await pause(20);
});
