// The generated page of the command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from './commands/index.ts';
import { cliReference } from './reference.ts';

test('the reference has a section for each command, with its options', () => {
  const text = cliReference();
  for (const { name } of commands) assert.match(text, new RegExp(`^## tidegate ${name}$`, 'm'));
  assert.match(text, /\| `--admin-port <port>` \| .*9900/);
  assert.match(text, /\| 69 \| /);
});
