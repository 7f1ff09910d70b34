// What an ACME server says of a request that it refuses (RFC 8555 section 6.7), as an error that tells when to come back.

const PREFIX = 'urn:ietf:params:acme:error:';
/** What a server says is passed on to the log only so far. */
const MAX_DETAIL = 500;

export interface AcmeErrorFacts {
  /** Of the registry of RFC 8555 section 9.7.4 without its prefix, such as `rateLimited`; '' when the server names none. */
  readonly type: string;
  readonly detail: string;
  /** 0 for what is said within a successful answer, such as why an authorization is invalid. */
  readonly status: number;
  /** How long the server wants to be left alone; 0 when it says nothing. */
  readonly retryAfterMs: number;
}

export class AcmeError extends Error {
  readonly type: string;
  readonly status: number;
  readonly retryAfterMs: number;

  constructor({ type, detail, status, retryAfterMs }: AcmeErrorFacts) {
    super([type, detail].filter((part) => part !== '').join(': ') || `status ${status}`);
    this.name = 'AcmeError';
    this.type = type;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Reads a problem document (RFC 7807) with its subproblems. Whatever it gets, it makes an error of it. */
export function acmeError(problem: unknown, status = 0, retryAfterMs = 0): AcmeError {
  const { type = '', detail = '', subproblems } = asObject(problem);
  const parts = (Array.isArray(subproblems) ? subproblems : []).map(describeSubproblem).filter((text) => text !== '');
  const whole = parts.length === 0 ? String(detail) : `${String(detail)} (${parts.join('; ')})`;
  return new AcmeError({
    type: String(type).startsWith(PREFIX) ? String(type).slice(PREFIX.length) : '',
    detail: printable(whole),
    status,
    retryAfterMs,
  });
}

function describeSubproblem(problem: unknown): string {
  const { identifier, detail = '' } = asObject(problem);
  const { value = '' } = asObject(identifier);
  return [value, detail]
    .map(String)
    .filter((text) => text !== '')
    .join(': ');
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get into the log
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, MAX_DETAIL);
}
