// The shape of a command. Each file in `commands/` is one; what it needs to run it imports only when it runs, so that start is fast.
import type { Command } from 'commander';

export interface CommandModule {
  readonly name: string;
  /** One sentence for help and reference. */
  readonly summary: string;
  /** Command lines and what they do, for help and reference. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  /**
   * Adds arguments, options and the action. An action that returns is a success; one that fails throws a `CommandError`,
   * or a `StartError` or `ConfigurationError` from below.
   */
  define(command: Command): void;
}
