// Which trailer fields are passed on (RFC 9110 6.5). An endpoint may merge trailers into the head, so that what a gateway or a policy
// decides about a field must hold for trailers too.
import { withoutLines } from './field-lines.ts';
import type { Fields } from './fields.ts';

/**
 * Fields that mean nothing, or something dangerous, behind the content, or tell what only the gateway may tell. RFC 9110 6.5.1: their
 * "evaluation is necessary prior to receiving the content, such as those that describe message framing, routing, authentication,
 * request modifiers, response controls, or content format". Most controls of responses pass all the same: they harm nobody there, and
 * metadata of gRPC may have such names.
 */
const NEVER: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'max-forwards',
  'pragma',
  'proxy',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-real-ip',
]);

/**
 * Lines of trailers as received, without those that are never passed on. To an application that reads fields as variables a name with
 * underscores is the one with hyphens, and so it is here; metadata of gRPC may have them.
 */
export function safeTrailers(lines: string): string {
  return withoutLines(lines, (name) => {
    const known = name.replaceAll('_', '-');
    return NEVER.has(known) || known.startsWith('x-forwarded-') || known.startsWith('client-cert');
  });
}

/** The lines of `trailers` without the fields that were set or removed in the head of the same message. */
export function withoutTouched(trailers: Fields, head: Fields): string {
  return withoutLines(trailers.text, (name) => head.isTouched(name));
}
