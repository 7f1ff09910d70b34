// What is wrong with how a gateway took an attack: ordinary requests that failed, an attack that went on or was not counted, and memory
// that was let grow. How fast things were is for people to judge.
import { type Attack, HELD } from './attack.ts';
import type { AttackResult } from './attack-run.ts';

/** Beyond what the gateway had before. A thousand times the frames of any attack would need more than this if they were kept. */
const MAX_GROWTH_MIB = 256;

export function flaws({ countedAs, endsWith }: Attack, result: AttackResult): readonly string[] {
  const { before, during, after, failures, attack, breaches } = result;
  const found: string[] = failures.slice(0, 5).map(({ method, seen }) => `an ordinary ${method} failed: ${seen}`);
  if (during.requests === 0) found.push('no ordinary request was answered during the attack');
  if (attack.connections === 0 || attack.sent === 0) found.push('there was no attack');
  if (countedAs !== undefined && !breaches[countedAs]) found.push(`nothing was counted as ${countedAs}`);
  const wrong = Object.keys(attack.ends).filter((how) => how !== HELD && endsWith !== undefined && !endsWith.test(how));
  found.push(...wrong.map((how) => `a connection ended so: ${how}`));
  const growth = Math.max(during.residentMiB, after.residentMiB) - before.residentMiB;
  if (growth > MAX_GROWTH_MIB) found.push(`memory grew by ${growth.toFixed(0)} MiB`);
  return found;
}
