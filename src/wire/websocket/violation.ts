// What is wrong with received WebSocket frames. Thrown by the reader, caught by the connection they came on.

/** Code of the Close frame that answers it (RFC 6455 7.4.1). */
export type ViolationCode = 1002 | 1007 | 1008 | 1009;

export class WebSocketViolation extends Error {
  readonly code: ViolationCode;

  constructor(code: ViolationCode, message: string) {
    super(message);
    this.name = 'WebSocketViolation';
    this.code = code;
  }
}
