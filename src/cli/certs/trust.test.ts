// How the local authority is trusted, on machines that only exist here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCommand, type MachineFacts, trustSteps } from './trust.ts';

const FILE = '/home/ada/authority.crt';

function machine(programs: readonly string[], facts: Partial<MachineFacts> = {}): MachineFacts {
  return {
    platform: 'linux',
    home: '/home/ada',
    isRoot: false,
    hasProgram: (name) => programs.includes(name),
    exists: () => true,
    ...facts,
  };
}

test('on Debian only root may have the system trust it', () => {
  const [step] = trustSteps(FILE, machine(['update-ca-certificates']));
  assert.equal(step?.isPossible, false);
  assert.deepEqual(step?.commands.at(-1), ['update-ca-certificates']);
  assert.equal(trustSteps(FILE, machine(['update-ca-certificates'], { isRoot: true }))[0]?.isPossible, true);
});

test('Red Hat and systems with p11-kit have commands of their own', () => {
  assert.match(trustSteps(FILE, machine(['update-ca-trust']))[0]?.commands[0]?.at(-1) ?? '', /^\/etc\/pki\/ca-trust\//);
  assert.equal(trustSteps(FILE, machine(['trust']))[0]?.commands[0]?.[0], 'trust');
});

test('Chromium has a store of the user, which needs no root', () => {
  const step = trustSteps(FILE, machine(['certutil'])).at(-1);
  assert.equal(step?.isPossible, true);
  assert.ok(step?.commands[0]?.includes('sql:/home/ada/.pki/nssdb'));
  assert.equal(trustSteps(FILE, machine(['certutil'], { exists: () => false })).at(-1)?.isPossible, false);
});

test('macOS and Windows have one command each', () => {
  assert.equal(trustSteps(FILE, machine([], { platform: 'darwin' }))[0]?.commands[0]?.[0], 'security');
  assert.equal(trustSteps(FILE, machine([], { platform: 'win32' }))[0]?.commands[0]?.[0], 'certutil');
});

test('words that a shell would read otherwise are quoted', () => {
  assert.equal(formatCommand(['cp', '/a b', "it's", 'C,,']), "cp '/a b' 'it'\\''s' C,,");
});
