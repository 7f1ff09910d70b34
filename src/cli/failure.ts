// Turns whatever a command threw into lines for people and an exit code. Stack traces are for those who ask for them.
import { ConfigurationError } from '#model/configuration-error.ts';
import { EXIT } from './exit-codes.ts';

export interface Failure {
  /** What to print, without a line end; '' when all has been said. */
  readonly text: string;
  readonly exitCode: number;
}

/** `debug` adds the stack trace. */
export function describeFailure(error: unknown, debug: boolean): Failure {
  const exitCode = exitCodeOf(error);
  if (debug && error instanceof Error) return { text: String(error.stack), exitCode };
  const message = error instanceof Error ? error.message : String(error);
  if (exitCode === EXIT.internal) {
    return { text: `tidegate: a fault of Tidegate itself: ${message} (TIDEGATE_DEBUG=1 shows where)`, exitCode };
  }
  return { text: message === '' ? '' : `tidegate: ${message}`, exitCode };
}

/** Both `CommandError` and the server's `StartError` carry their code; anything else is not meant for people. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigurationError) return EXIT.bad;
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  return EXIT.internal;
}
