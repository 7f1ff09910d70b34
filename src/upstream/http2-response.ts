// Makes a version-free Response of the head of an HTTP/2 response.
import { formatHttpDate } from '#http/date.ts';
import { Fields } from '#http/fields.ts';
import { UNKNOWN_LENGTH } from '#model/body.ts';
import type { Response } from '#model/message.ts';
import type { ResponseFields } from '#wire/http2/response-fields.ts';

/** Returns the response without its body. `wallMs` is the time of its receipt; `isEnd` tells that there is no content. */
export function toHttp2Response(head: ResponseFields, method: string, wallMs: number, isEnd: boolean): Response {
  // RFC 9110 6.6.1: see `toResponse` of HTTP/1.1.
  const text = head.hasDate ? head.text : `${head.text}date: ${formatHttpDate(wallMs)}\r\n`;
  return {
    status: head.status,
    reason: '',
    fields: toFields(head, text),
    length: lengthOf(head, method, isEnd),
    body: undefined,
    tunnel: undefined,
  };
}

/** The lines of a head, with what it says about their indexing. */
export function toFields({ neverIndexed }: ResponseFields, text: string): Fields {
  const fields = new Fields(text);
  fields.neverIndexed = neverIndexed;
  return fields;
}

function lengthOf({ status, contentLength }: ResponseFields, method: string, isEnd: boolean): number {
  if (status === 204) return UNKNOWN_LENGTH;
  const length = contentLength >= 0 ? contentLength : UNKNOWN_LENGTH;
  return isEnd ? wholeLength({ status, length }, method) : length;
}

/** The length of a response that has ended, as far as it is known; what was not announced is then 0. */
export function wholeLength({ status, length }: { readonly status: number; readonly length: number }, method: string) {
  return length === UNKNOWN_LENGTH && method !== 'HEAD' && status !== 304 && status !== 204 ? 0 : length;
}
