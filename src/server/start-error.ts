// A start that failed, in lines for people.

export class StartError extends Error {
  /** Exit code: 1 for a bad configuration, 69 when an address cannot be had. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}
