// Brings a path into one form, so that what is matched is what is forwarded and no two spellings reach different rules
// (RFC 3986 6.2.2). Not for queries.

/** Bytes that a clean path holds in any number: unreserved, sub-delims, `:`, `@` and what clients send unencoded. */
const PLAIN = new Uint8Array(128);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&\'()*+,;=:@[]|{}^`"<>')
  PLAIN[c.charCodeAt(0)] = 1;

const SLASH = 47;
const DOT = 46;

/**
 * Returns the path normalised, or `undefined` when it must be rejected: no leading slash, a broken percent-encoding, a
 * control character, and, unless `allowEncodedSlash`, `%2F`, `%5C`, `%00` or a backslash.
 *
 * Percent-encoded unreserved characters are decoded, other encodings get upper-case digits, runs of slashes become one, dot
 * segments are resolved (`..` at the root stays there, RFC 3986 5.2.4). Idempotent. Clean paths are returned as they are.
 */
export function normalizePath(path: string, allowEncodedSlash: boolean): string | undefined {
  return isClean(path) ? path : normalize(path, allowEncodedSlash);
}

/** Whether there is nothing to do: one leading slash, no `%`, no `//`, and no segment that starts with a dot. */
function isClean(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  let afterSlash = true;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (PLAIN[code] === 1) {
      afterSlash = false;
    } else if (code === SLASH) {
      if (afterSlash) return false;
      afterSlash = true;
    } else if (code !== DOT || afterSlash) {
      return false;
    }
  }
  return true;
}

function normalize(path: string, allowEncodedSlash: boolean): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return undefined;
  const decoded = decodeUnreserved(path, allowEncodedSlash);
  return decoded === undefined ? undefined : removeDotSegments(decoded);
}

function decodeUnreserved(path: string, allowEncodedSlash: boolean): string | undefined {
  let result = '';
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 37) {
      const digits = path.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      const byte = Number.parseInt(digits, 16);
      if (!allowEncodedSlash && (byte === 0 || byte === SLASH || byte === 92)) return undefined;
      result += isUnreserved(byte) ? String.fromCharCode(byte) : `%${digits.toUpperCase()}`;
      i += 2;
    } else if (PLAIN[code] === 1 || code === SLASH || code === DOT || (allowEncodedSlash && code === 92)) {
      result += path[i];
    } else {
      return undefined;
    }
  }
  return result;
}

/** RFC 3986 5.2.4, with empty segments dropped as well. A path that ended in a slash still does. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.at(-1);
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const directory = last === '' || last === '.' || last === '..';
  return `/${kept.join('/')}${directory && kept.length > 0 ? '/' : ''}`;
}

/** RFC 3986 2.3: letters, digits, `-`, `.`, `_`, `~`. */
function isUnreserved(byte: number): boolean {
  return (
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    (byte >= 48 && byte <= 57) ||
    byte === 45 ||
    byte === DOT ||
    byte === 95 ||
    byte === 126
  );
}
