// Reads `host:port` as it stands in Host and in targets (RFC 3986 3.2, RFC 9110 7.2).
import net from 'node:net';

export interface Authority {
  /** Lower case, without a trailing dot; an IPv6 address in brackets. */
  readonly host: string;
  /** -1 when none is given. */
  readonly port: number;
}

/** RFC 3986 3.2.2 allows a comma too; here it is refused, as it may come from two Host lines that somebody joined. */
const NAME = /^[0-9a-z_~!$&'()*+;=.%-]+$/;
/** What the characters may be; a zone is a matter of one machine. */
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/;
const MAX_LENGTH = 300;
const MAX_PORT = 65535;

/** Returns its parts, or `undefined` for anything that is not a non-empty host with an optional port. User information is refused. */
export function parseAuthority(text: string): Authority | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') : 0);
  const port = colon < 0 ? -1 : parsePort(text, colon + 1);
  if (port === undefined) return undefined;
  const name = colon < 0 ? text : text.slice(0, colon);
  // Nearly all are, and this is asked of every request.
  if (isPlainName(name)) return { host: name, port };
  const lower = name.toLowerCase();
  if (!isHost(lower)) return undefined;
  return { host: lower.endsWith('.') ? lower.slice(0, -1) : lower, port };
}

/** The port that `text` is from `start` on; -1 when nothing is there, `undefined` when it is none. */
function parsePort(text: string, start: number): number | undefined {
  if (text.length - start > 5) return undefined;
  let port = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    port = port * 10 + digit;
  }
  if (start === text.length) return -1;
  return port > MAX_PORT ? undefined : port;
}

/** Whether `name` is lower-case letters, digits and hyphens, with single dots inside. */
function isPlainName(name: string): boolean {
  let afterDot = true;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const isDot = code === 46;
    const isPlain = (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45;
    if (isDot ? afterDot : !isPlain) return false;
    afterDot = isDot;
  }
  return !afterDot;
}

function isHost(name: string): boolean {
  if (name.startsWith('[')) return IPV6.test(name) && net.isIPv6(name.slice(1, -1));
  if (!NAME.test(name) || name === '.' || name.includes('..')) return false;
  return !/%(?![0-9a-f]{2})/.test(name);
}
