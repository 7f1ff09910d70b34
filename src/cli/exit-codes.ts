// How the commands end: the exit codes (BSD's sysexits where one fits) and the error that carries one.

export const EXIT = { ok: 0, bad: 1, usage: 64, unavailable: 69, internal: 70, unfinished: 75 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, for help and the reference. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.bad, 'the configuration or the state of the gateway is bad'],
  [EXIT.usage, 'the command was called wrongly'],
  [EXIT.unavailable, 'the admin API cannot be reached, or a port is in use'],
  [EXIT.internal, 'a fault of Tidegate itself'],
  [EXIT.unfinished, 'the gateway is still at work on it, and goes on'],
];

/** Ends a command. The message is lines for people, without the program's name. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
