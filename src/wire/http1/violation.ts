// What is wrong with a received HTTP/1.1 message. Thrown by the parsers, caught by the connection it came on.

/** What the connection has to do with it: which status a server answers; a client closes in any case. */
export type ViolationKind = 'malformed' | 'head-too-large' | 'target-too-long' | 'version' | 'coding' | 'expectation';

export class Violation extends Error {
  readonly kind: ViolationKind;

  constructor(kind: ViolationKind, message: string) {
    super(message);
    this.name = 'Violation';
    this.kind = kind;
  }
}
