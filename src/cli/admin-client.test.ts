// The client of the admin API against the real admin server.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { AdminHost } from '#admin/admin-host.ts';
import { createAdminServer } from '#admin/admin-server.ts';
import { callAdmin } from './admin-client.ts';
import { CommandError, EXIT } from './exit-codes.ts';

async function startAdmin(t: TestContext, reloads: boolean): Promise<string> {
  const result = reloads
    ? { ok: true, generation: 2, problems: [] }
    : { ok: false, generation: 1, problems: ['a.yaml:1:1: no'] };
  const host = { reload: async () => result, upstreams: () => [] } as unknown as AdminHost;
  const server = await createAdminServer(host, { address: { host: '127.0.0.1', port: 0 }, token: 'secret' });
  t.after(() => server.close());
  return server.address;
}

function isCommandError(exitCode: number, text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof CommandError && error.exitCode === exitCode && text.test(error.message);
}

test('a success gives its content, whether the address has a scheme or not', async (t) => {
  const admin = await startAdmin(t, true);
  assert.deepEqual(await callAdmin({ admin }, 'GET', '/upstreams'), { upstreams: [] });
  const result = await callAdmin({ admin: `http://${admin}`, token: 'secret' }, 'POST', '/reload');
  assert.deepEqual(result, { ok: true, generation: 2, problems: [] });
});

test('a refusal is told with its detail and every problem, and ends with 1', async (t) => {
  const admin = await startAdmin(t, false);
  await assert.rejects(callAdmin({ admin }, 'POST', '/reload'), isCommandError(EXIT.bad, /token/));
  const refused = callAdmin({ admin, token: 'secret' }, 'POST', '/reload');
  await assert.rejects(refused, isCommandError(EXIT.bad, /serves on\.\na\.yaml:1:1: no$/));
});

test('another server at that address is unavailable, not a crash', async (t) => {
  const server = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(callAdmin({ admin }, 'GET', '/status'), isCommandError(EXIT.unavailable, /not an admin API/));
});

test('a call that the gateway goes on with is no failure to reach it, and ends with 75', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  await new Promise((resolve) => server.once('listening', resolve));
  const admin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = (unfinished?: string) =>
    callAdmin({ admin }, 'POST', '/x', { timeoutMs: 50, ...(unfinished !== undefined && { unfinished }) });
  await assert.rejects(call('it goes on'), isCommandError(EXIT.unfinished, /^it goes on$/));
  await assert.rejects(call(), isCommandError(EXIT.unavailable, /no answer in time/));
});

test('an address that is none is a wrong call', async () => {
  await assert.rejects(callAdmin({ admin: 'http://:x' }, 'GET', '/status'), isCommandError(EXIT.usage, /--admin/));
});
