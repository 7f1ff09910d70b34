// Finds the client in X-Forwarded-For or Forwarded, believing no more of it than trusted proxies vouch for.
import net from 'node:net';

/** A node is a token, or quoted when it holds a colon or brackets; both are all that an address needs (RFC 7239 6). */
const FOR_PARAMETER = /(?:^|[,;])[ \t]*for=(?:"([^"\\]*)"|([^",;\s]+))/gi;

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

/** The `for` parameters of a Forwarded field as X-Forwarded-For writes them; `undefined` when there is none (RFC 7239 4). */
export function chainOfForwarded(value: string): string | undefined {
  const nodes = [...value.matchAll(FOR_PARAMETER)].map((match) => match[1] ?? match[2] ?? '');
  return nodes.length === 0 ? undefined : nodes.join(', ');
}

/** The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; '' when there is none. */
function addressOf(member: string): string {
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/.exec(member)?.[1] ??
    (/^[0-9.]+:\d+$/.test(member) ? member.slice(0, member.indexOf(':')) : member);
  return net.isIP(bare) === 0 ? '' : bare;
}
