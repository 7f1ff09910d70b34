// The static table (RFC 7541 Appendix A): what both sides know before the first header block.
import { type Classify, HeaderField } from './field.ts';

/** Name and value of every entry; the first one has index 1. */
export const STATIC_TABLE: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

/** How many entries the static table has: the dynamic table begins behind them (RFC 7541 2.3.3). */
export const STATIC_LENGTH = STATIC_TABLE.length;

const unclassified: Classify = () => 0;
const tables = new WeakMap<Classify, readonly (HeaderField | undefined)[]>();

/** Returns the static table as fields by index, so that the first one is `undefined`; made once for each `classify`. */
export function staticFields(classify: Classify = unclassified): readonly (HeaderField | undefined)[] {
  let fields = tables.get(classify);
  if (fields === undefined) {
    const entries = STATIC_TABLE.map(([name, value]) => new HeaderField(name, value, classify(name, value), false));
    fields = [undefined, ...entries];
    tables.set(classify, fields);
  }
  return fields;
}
