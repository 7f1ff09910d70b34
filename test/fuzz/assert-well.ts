// Finds out whether a gateway has come through whatever was done to it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { TestGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

async function untilQuiet(gateway: TestGateway): Promise<void> {
  for (const gauge of ['connections_active', 'exchanges_active']) {
    while ((await gateway.metric(`tidegate_listener_${gauge}{listener="web"}`)) > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The gateway is well, has had no fault, has nothing left to do, and still works. */
export async function assertWell(t: TestContext, gateway: TestGateway): Promise<void> {
  await untilQuiet(gateway);
  const { workers } = await gateway.admin<{ workers: readonly { readonly state: string }[] }>('/status');
  assert.deepEqual(
    workers.map(({ state }) => state),
    ['ready'],
  );
  const faults = gateway.log.filter(({ level, msg }) => level === 'text' || /fail|replaced/.test(msg));
  assert.deepEqual(faults, []);
  assert.equal((await exchange(t, gateway.port(), 'GET /well HTTP/1.1\r\nHost: a\r\n\r\n')).status, 200);
}
