// Calls of gRPC and their answers as bytes of HTTP/1.1, where chunked content has trailers too: for tests of what does not depend on HTTP/2.

export interface CallOptions {
  readonly path?: string;
  readonly type?: string;
  /** More field lines. */
  readonly fields?: string;
  readonly body?: string;
}

/** A whole call from a client that accepts trailers. */
export function callBytes({
  path = '/test.Echo/Say',
  type,
  fields = '',
  body = message('hi'),
}: CallOptions = {}): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type ?? 'application/grpc'}\r\n${fields}`;
  return `${head}TE: trailers\r\nConnection: te\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The message behind its prefix; shorter than 256. */
export function message(content: string): string {
  return `\0\0\0\0${String.fromCharCode(content.length)}${content}`;
}

/** The head of an answer whose content follows in chunks. */
export const ANSWER_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n';

export function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}

/** The end of chunked content, with a status and perhaps more lines. */
export function trailers(status: number, lines = ''): string {
  return `0\r\ngrpc-status: ${status}\r\n${lines}\r\n`;
}

/** A whole answer with one message and its status in the trailers. */
export function answerBytes(content = 'hello', status = 0): string {
  return `${ANSWER_HEAD}${chunk(message(content))}${trailers(status)}`;
}

/** An answer that is only a head. */
export function headOnly(status: number, fields = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\ngrpc-status: ${status}\r\n${fields}\r\n`;
}
