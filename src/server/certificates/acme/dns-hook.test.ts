// The hook that puts records in place: how it is called, and how it ends when it does not by itself.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DnsHook, runDnsHook } from './dns-hook.ts';

const NEVER = new AbortController().signal;
const RECORD = { action: 'present', name: '_acme-challenge.a.example', value: 'it is; "quoted"' } as const;

const shell = (script: string, env: Record<string, string> = {}): DnsHook => ({
  command: ['sh', '-c', script, 'hook'],
  env,
});

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('it gets action, name and value as they are, without a shell between, and its own environment only', async (t) => {
  const path = join(await makeFolder(t), 'said');
  process.env.SECRET_OF_THE_GATEWAY = 'secret';
  t.after(() => delete process.env.SECRET_OF_THE_GATEWAY);
  const hook = shell(`printf '%s|%s|%s|%s|%s' "$1" "$2" "$3" "$ZONE" "$SECRET_OF_THE_GATEWAY" > ${path}`, {
    ZONE: 'z',
  });
  await runDnsHook(hook, RECORD, NEVER);
  assert.equal(await readFile(path, 'utf8'), 'present|_acme-challenge.a.example|it is; "quoted"|z|');
});

test('one that ends badly rejects with its status and what it said', async () => {
  await assert.rejects(runDnsHook(shell('echo no such zone >&2; exit 3'), RECORD, NEVER), /ended with 3: no such zone/);
});

test('one that is not there rejects', async () => {
  await assert.rejects(runDnsHook({ command: ['/nothing/here'], env: {} }, RECORD, NEVER), /cannot be run: .*ENOENT/);
});

test('one that takes too long is killed with all that it started', async (t) => {
  const path = join(await makeFolder(t), 'pids');
  const abort = new AbortController();
  const running = runDnsHook(
    shell(`sleep 1000 & echo $$ $! > ${path}.new; mv ${path}.new ${path}; wait`),
    RECORD,
    abort.signal,
  );
  let pids = '';
  while (pids === '') pids = await readFile(path, 'utf8').catch(() => '');
  abort.abort();
  await assert.rejects(running, /did not end in time/);
  for (const pid of pids.trim().split(' ').map(Number)) while (isAlive(pid)) await new Promise(setImmediate);
});

test('a signal that has aborted before lets nothing go on', async () => {
  await assert.rejects(runDnsHook(shell('sleep 1000'), RECORD, AbortSignal.abort()), /did not end in time/);
});

/** A process that has ended and that nobody has waited for is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
