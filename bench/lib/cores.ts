// Which cores a benchmark uses: one for what is measured, one for everything else.
import { existsSync, readFileSync } from 'node:fs';

const allowed = allowedCores();

/** Whether there are two cores to keep apart what is measured and what measures it. */
export const hasTwoCores = allowed.length >= 2;

export const MEASURED_CORE = allowed[0] ?? 0;
/** The load generator, the origin and the harness itself. */
export const OTHER_CORE = allowed[1] ?? 0;

/** Numbers of the cores that the system lets this process use; none where there is no /proc. */
function allowedCores(): readonly number[] {
  const status = '/proc/self/status';
  if (!existsSync(status)) return [];
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(status, 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 || 0 }, (_, index) => first + index);
  });
}
