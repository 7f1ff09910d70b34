// Finds the client in X-Forwarded-For or Forwarded, believing no more of it than trusted proxies vouch for.
import net from 'node:net';
import { formatIpAddress, parseIpAddress } from '#lib/ip-address.ts';

/** A parameter is a token, or quoted (RFC 7239 4). Many proxies write IPv6 addresses without the quotes that they need. */
const PARAMETER = /[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\\\s]+))[ \t]*(?:;|$)/iy;

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;

/**
 * Walks the chain from the last member on: as long as a member is a trusted proxy, the one before it was told by it. Returns
 * the first that is not trusted, or the last that is an address at all. `peer` is the trusted neighbour we got it from.
 */
export function clientFromForwardedFor(chain: string, peer: string, isTrusted: (address: string) => boolean): string {
  let client = peer;
  const members = chain.split(',');
  for (let i = members.length - 1; i >= 0; i--) {
    const address = addressOf((members[i] as string).trim());
    if (address === '') return client;
    client = address;
    if (!isTrusted(address)) return client;
  }
  return client;
}

/**
 * The `for` parameters of a Forwarded field as X-Forwarded-For writes them, empty where an element has none or is malformed;
 * `undefined` when there is none at all (RFC 7239 4).
 */
export function chainOfForwarded(value: string): string | undefined {
  const nodes = elementsOf(value).map(nodeOf);
  return nodes.every((node) => node === '') ? undefined : nodes.join(', ');
}

/**
 * Splits at the commas that stand in no quoted string. It may seem natural to read from the start; however, only the end was written by
 * a proxy that is trusted, and a quote that a client leaves open must not swallow it.
 */
function elementsOf(value: string): readonly string[] {
  const elements: string[] = [];
  let end = value.length;
  let quoted = false;
  for (let i = value.length - 1; i >= 0; i--) {
    const code = value.charCodeAt(i);
    if (code === QUOTE) quoted = !quoted || isEscaped(value, i);
    if (code !== COMMA || quoted) continue;
    elements.push(value.slice(i + 1, end));
    end = i;
  }
  elements.push(value.slice(0, end));
  return elements.reverse();
}

function isEscaped(value: string, index: number): boolean {
  let start = index;
  while (value.charCodeAt(start - 1) === BACKSLASH) start--;
  return (index - start) % 2 === 1;
}

/** What `for` says in an element; '' when it says nothing that can be relied on. */
function nodeOf(element: string): string {
  let node: string | undefined;
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < element.length) {
    const match = PARAMETER.exec(element);
    if (!match) return '';
    if (match[1]?.toLowerCase() !== 'for') continue;
    // RFC 7239 4: "Each parameter MUST NOT occur more than once per forwarded-element."
    if (node !== undefined) return '';
    node = match[2] ?? match[3] ?? '';
  }
  return node === undefined || node.includes(',') ? '' : node;
}

/** The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`, in its one form; '' when there is none. */
function addressOf(member: string): string {
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/.exec(member)?.[1] ??
    (/^[0-9.]+:\d+$/.test(member) ? member.slice(0, member.indexOf(':')) : member);
  if (net.isIPv4(bare)) return bare;
  // A proxy with dual-stack sockets may write IPv4 addresses as `::ffff:1.2.3.4`: prefixes and limits are to know them all the same.
  const address = parseIpAddress(bare);
  return address ? formatIpAddress(address.bytes) : '';
}
