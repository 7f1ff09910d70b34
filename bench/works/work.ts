// What a piece of work of the benchmarks gives: a table for people and figures for the record.
import type { BenchRun } from '../lib/bench-run.ts';
import type { Tool } from '../lib/machine.ts';

export interface WorkResult {
  readonly title: string;
  /** How to read the figures, in a sentence. */
  readonly unit: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly figures: unknown;
}

export interface Work {
  readonly name: string;
  readonly summary: string;
  /** Programs that it needs besides those that all works need. */
  readonly needs?: readonly Tool[];
  run(bench: BenchRun, say: (line: string) => void): Promise<WorkResult>;
}
