// `npm run attacks`: puts a gateway through every attack while ordinary clients go on, and prints what it cost and what they saw of it, as
// the table of docs/guides/attacks.md. Ends with 1 when an ordinary request failed, or an attack was not bounded as it should be.
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import type { Attack } from './attack.ts';
import { flaws } from './attack-judge.ts';
import { ATTACKS } from './attack-list.ts';
import { type AttackResult, runAttack, type Stretch } from './attack-run.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
  },
});

const chosen = ATTACKS.filter(({ name }) => name.includes(values.only));
const rows: string[] = [];

for (const attack of chosen) {
  test(`${attack.name}: ${attack.what}`, { timeout: 120_000 }, async (t) => {
    const options = {
      clients: Number(values.clients),
      beforeMs: 1500,
      attackMs: Number(values.seconds) * 1000,
      afterMs: 2000,
    };
    const result = await runAttack(t, attack, options);
    rows.push(row(attack, result));
    t.assert.deepEqual(flaws(attack, result), []);
  });
}

test('the table', (t) => {
  for (const line of rows) t.diagnostic(line);
});

function row({ name, what }: Attack, { before, during, after, failures, attack, breaches }: AttackResult): string {
  const over = (figure: (stretch: Stretch) => string) => [before, during, after].map(figure).join(' / ');
  const counted = Object.entries(breaches).map(([kind, count]) => `${kind} ${count}`);
  const ends = Object.entries(attack.ends).map(([how, count]) => `${count} x ${how}`);
  const cells = [
    `${name}: ${what}`,
    `${attack.connections} connections, ${attack.sent} sent`,
    ends.join(', ') || '-',
    counted.join(', ') || '-',
    over(({ cpuPercent }) => cpuPercent.toFixed(0)),
    over(({ residentMiB }) => residentMiB.toFixed(0)),
    `${during.requests} ok, ${failures.length} failed`,
    over(({ p50Ms }) => p50Ms.toFixed(1)),
    over(({ p99Ms }) => p99Ms.toFixed(1)),
  ];
  return `| ${cells.join(' | ')} |`;
}
