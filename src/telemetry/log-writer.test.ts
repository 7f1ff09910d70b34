// Tests of what several writers make of one output, as the workers of a gateway do.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { OutputTurn } from '#memory/output-turn.ts';
import { LogWriter } from './log-writer.ts';

/** More than a pipe holds, in lines of which many cross the border of a page. */
const LINES = 3000;
const LINE_BYTES = 333;

function makeFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'log-writer-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

function lineOf(thread: number): string {
  return `${String(thread).repeat(LINE_BYTES - 1)}\n`;
}

/** Two writers with a turn each, and a third of the first thread, as at a reload that moves the log. */
function writersTo(path: string): readonly LogWriter[] {
  const memory = OutputTurn.createMemory();
  return [0, 1, 0].map((thread) => new LogWriter(path, new OutputTurn(memory, thread)));
}

async function writeAll(writers: readonly LogWriter[]): Promise<void> {
  for (let count = 0; count < LINES; count++)
    for (const [index, writer] of writers.entries()) writer.write(lineOf(index));
  await Promise.all(writers.map((writer) => writer.close()));
}

function assertWhole(written: string): void {
  const lines = written.split(/(?<=\n)/);
  for (const index of [0, 1, 2]) assert.equal(lines.filter((line) => line === lineOf(index)).length, LINES);
  assert.equal(lines.length, 3 * LINES);
}

test('lines that several threads write to one pipe come whole', async (t) => {
  const path = join(makeFolder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => reader.kill());
  const read = text(reader.stdout);
  await writeAll(writersTo(path));
  assertWhole(await read);
});

test('lines that several threads write to one file come whole', async (t) => {
  const path = join(makeFolder(t), 'file');
  await writeAll(writersTo(path));
  assertWhole(fs.readFileSync(path, 'latin1'));
});

test('who gives up does not wait for its turn, and tells how many lines are lost', async (t) => {
  const path = join(makeFolder(t), 'file');
  const memory = OutputTurn.createMemory();
  const writer = new LogWriter(path, new OutputTurn(memory, 0));
  assert.equal(new OutputTurn(memory, 1).take(), true);
  writer.write('one\n');
  writer.flush();
  writer.write('two\n');
  const closed = writer.close();
  writer.giveUp();
  await closed;
  assert.deepEqual([writer.takeDropped(), fs.readFileSync(path, 'latin1')], [2, '']);
});

test('the turn of a thread that has died is given back in its place, and no other', () => {
  const memory = OutputTurn.createMemory();
  const [first, second] = [new OutputTurn(memory, 0), new OutputTurn(memory, 1)];
  assert.equal(first.take(), true);
  assert.deepEqual([second.take(), first.take()], [false, false]);
  second.giveBack();
  assert.equal(second.take(), false);
  new OutputTurn(memory, 0).giveBack();
  assert.equal(second.take(), true);
});
