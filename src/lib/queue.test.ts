// The queue of those that wait: order, and ways out of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue, type Queued } from './queue.ts';

class Person implements Queued<Person> {
  before: Person | undefined = undefined;
  behind: Person | undefined = undefined;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function queueOf(count: number) {
  const queue = new Queue<Person>();
  const people = Array.from({ length: count }, (_, name) => new Person(name));
  for (const person of people) queue.push(person);
  return { queue, people };
}

function namesOf(queue: Queue<Person>): number[] {
  const names: number[] = [];
  for (let next = queue.shift(); next; next = queue.shift()) names.push(next.name);
  return names;
}

test('who came first goes first', () => {
  const { queue } = queueOf(3);
  assert.deepEqual([queue.first?.name, queue.last?.name], [0, 2]);
  assert.equal(queue.size, 3);
  assert.deepEqual(namesOf(queue), [0, 1, 2]);
  assert.equal(queue.size, 0);
  assert.deepEqual([queue.first, queue.last], [undefined, undefined]);
});

for (const [place, left] of [
  [0, [1, 2]],
  [1, [0, 2]],
  [2, [0, 1]],
] as const)
  test(`whoever gives up at place ${place} leaves the others in their order`, () => {
    const { queue, people } = queueOf(3);
    const leaver = people[place] as Person;
    assert.equal(queue.remove(leaver), true);
    assert.equal(queue.remove(leaver), false);
    assert.equal(queue.size, 2);
    assert.deepEqual(namesOf(queue), left);
  });

test('whoever has left can come back, as the last one', () => {
  const { queue, people } = queueOf(3);
  queue.remove(people[0] as Person);
  queue.push(people[0] as Person);
  assert.deepEqual(namesOf(queue), [1, 2, 0]);
});

test('whoever has left keeps nobody else alive', () => {
  const { queue, people } = queueOf(3);
  const [first, second] = people as [Person, Person];
  queue.remove(second);
  queue.shift();
  assert.deepEqual([first.behind, second.before, second.behind], [undefined, undefined, undefined]);
});
