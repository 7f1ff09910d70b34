// Where the state of a gateway lies by default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateFolder } from './state-folder.ts';

const USER = { env: {}, platform: 'linux', home: '/home/ada', userId: 1000 } as const;

test('the folder that systemd has made is taken, the first of several', () => {
  assert.equal(stateFolder({ ...USER, env: { STATE_DIRECTORY: '/var/lib/gate' } }), '/var/lib/gate');
  assert.equal(stateFolder({ ...USER, userId: 0, env: { STATE_DIRECTORY: '/var/lib/a:/var/lib/b' } }), '/var/lib/a');
});

test('a user has it below the home folder, or where XDG_DATA_HOME says by an absolute path', () => {
  assert.equal(stateFolder(USER), '/home/ada/.local/share/tidegate');
  assert.equal(stateFolder({ ...USER, env: { XDG_DATA_HOME: '/data' } }), '/data/tidegate');
  assert.equal(stateFolder({ ...USER, env: { XDG_DATA_HOME: 'data' } }), '/home/ada/.local/share/tidegate');
});

test('root has it in /var/lib', () => {
  assert.equal(stateFolder({ ...USER, userId: 0 }), '/var/lib/tidegate');
});

test('macOS and Windows have it where their programs keep such things', () => {
  assert.equal(
    stateFolder({ ...USER, platform: 'darwin', home: '/Users/ada' }),
    '/Users/ada/Library/Application Support/tidegate',
  );
  const windows = { ...USER, platform: 'win32', env: { LOCALAPPDATA: '/local' } } as const;
  assert.equal(stateFolder(windows), '/local/tidegate');
});
