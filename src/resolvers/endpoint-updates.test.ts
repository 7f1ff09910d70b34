// Changes are passed on once, problems are said once, and nothing at all is passed on only where that is wished.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '#lib/log.ts';
import { EndpointUpdates } from './endpoint-updates.ts';

const one = { host: '10.0.0.1', port: 80, socketPath: '', weight: 1 };

function start(onEmpty: 'keep' | 'clear') {
  const answers: number[] = [];
  const said: string[] = [];
  const log = {
    ...silentLog,
    info: (message: string) => void said.push(`info ${message}`),
    warn: (message: string, fields?: { readonly reason?: unknown }) => void said.push(`${message}: ${fields?.reason}`),
  };
  const host = { log, setTimer: () => () => {}, now: () => 0, random: () => 0 };
  const updates = new EndpointUpdates(host, 'here', onEmpty, ({ length }) => void answers.push(length));
  return { updates, answers, said };
}

test('the same endpoints are passed on once, and a change is', () => {
  const { updates, answers } = start('keep');
  updates.take([one]);
  updates.take([{ ...one }]);
  updates.take([{ ...one, weight: 2 }]);
  assert.deepEqual(answers, [1, 1]);
});

test('a problem is said once, another one too, and so is its end', () => {
  const { updates, said } = start('keep');
  updates.take([one]);
  said.length = 0;
  updates.fail('away');
  updates.fail('away');
  updates.fail('late');
  updates.take([one]);
  updates.take([one]);
  updates.fail('late');
  assert.deepEqual(said, [
    'endpoints cannot be found; the last ones stay in use: away',
    'endpoints cannot be found; the last ones stay in use: late',
    'info endpoints can be found again',
    'endpoints cannot be found; the last ones stay in use: late',
  ]);
});

test('a flaw is said once, and does not keep the rest from use', () => {
  const { updates, answers, said } = start('keep');
  updates.take([one], 'b is none');
  updates.take([one, { ...one, port: 81 }], 'b is none');
  assert.deepEqual(answers, [1, 2]);
  assert.equal(said.filter((line) => line === 'some endpoints cannot be found or used: b is none').length, 1);
});

test('no endpoints are passed on only with clear, and not when it is for a flaw', () => {
  const keeping = start('keep');
  keeping.updates.take([one]);
  assert.equal(keeping.updates.take([]), false);
  assert.deepEqual(keeping.answers, [1]);
  const clearing = start('clear');
  clearing.updates.take([one]);
  assert.equal(clearing.updates.take([], 'b is none'), false);
  assert.equal(clearing.updates.take([]), true);
  assert.deepEqual(clearing.answers, [1, 0]);
});
