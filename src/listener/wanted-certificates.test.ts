// Who waits for a certificate on demand, and who is not let wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#lib/clock.ts';
import { WantedCertificates } from './wanted-certificates.ts';

function create() {
  const clock = new ManualClock();
  const told: string[] = [];
  const called: string[] = [];
  const wanted = new WantedCertificates(clock, (name) => void told.push(name));
  const wait = (name: string) => wanted.wait(name, () => void called.push(name));
  return { clock, told, called, wanted, wait };
}

test('a name is asked about once, however many wait for it, and all go on together', () => {
  const { told, called, wanted, wait } = create();
  wait('a.example');
  wait('a.example');
  wait('b.example');
  assert.deepEqual([told, called], [['a.example', 'b.example'], []]);
  wanted.settle('a.example', true);
  assert.deepEqual(called, ['a.example', 'a.example']);
  wait('a.example');
  assert.equal(told.length, 3);
});

test('a name that was refused lets nobody wait for a minute', () => {
  const { clock, told, called, wanted, wait } = create();
  wait('a.example');
  wanted.settle('a.example', false);
  wait('a.example');
  assert.deepEqual([told.length, called.length], [1, 2]);
  clock.advance(60_000);
  wait('a.example');
  assert.deepEqual([told.length, called.length], [2, 2]);
});

test('who asks for names without number makes no more than so many of them wait', () => {
  const { told, called, wait } = create();
  for (let i = 0; i < 1000; i++) wait(`${i}.example`);
  assert.deepEqual([told.length, called.length], [256, 744]);
  for (let i = 0; i < 10_000; i++) wait('0.example');
  assert.equal(called.length - 744, 10_000 - (4096 - 256));
});

test('an answer that nobody waits for is no harm', () => {
  const { wanted, called } = create();
  wanted.settle('a.example', true);
  assert.deepEqual(called, []);
});
