// How failures are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '#model/configuration-error.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { describeFailure } from './failure.ts';

test('errors with an exit code are told in their own words', () => {
  assert.deepEqual(describeFailure(new CommandError(EXIT.unavailable, 'port 80 is in use'), false), {
    text: 'tidegate: port 80 is in use',
    exitCode: 69,
  });
  assert.deepEqual(describeFailure(new CommandError(EXIT.bad, ''), false), { text: '', exitCode: 1 });
  assert.equal(describeFailure(new ConfigurationError('bad'), false).exitCode, 1);
});

test('anything else is a fault of our own, without a stack trace unless asked for', () => {
  const error = new TypeError('x is undefined');
  assert.doesNotMatch(describeFailure(error, false).text, /\n/);
  assert.equal(describeFailure(error, false).exitCode, 70);
  assert.match(describeFailure(error, true).text, /TypeError: x is undefined\n +at /);
  assert.equal(describeFailure('thrown', false).exitCode, 70);
});
