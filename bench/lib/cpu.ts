// What a process and its children have used, from /proc: processor time with all threads, and memory.
import { readFileSync } from 'node:fs';

/** Clock ticks a second, which Linux fixes for /proc (man 5 proc: `sysconf(_SC_CLK_TCK)`). */
const TICKS_A_SECOND = 100;

/** Processor time of the process tree, user and system, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  let ticks = 0;
  for (const member of tree(pid)) {
    const fields = statFields(member);
    // Fields 14 and 15 of the manual page; these begin at field 3.
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1e6) / TICKS_A_SECOND;
}

/** Proportional resident memory of the process tree in bytes: shared pages are divided by who shares them. */
export function residentBytes(pid: number): number {
  let kib = 0;
  for (const member of tree(pid)) {
    const rollup = readFileSync(`/proc/${member}/smaps_rollup`, 'utf8');
    kib += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return kib * 1024;
}

function tree(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(tree)];
}

/** Fields of /proc/PID/stat behind the name, which may hold blanks and brackets. */
function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
