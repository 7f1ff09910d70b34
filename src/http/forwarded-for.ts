// Finds the client in X-Forwarded-For, believing no more of it than trusted proxies vouch for.
import net from 'node:net';

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

/** The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; '' when there is none. */
function addressOf(member: string): string {
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/.exec(member)?.[1] ??
    (/^[0-9.]+:\d+$/.test(member) ? member.slice(0, member.indexOf(':')) : member);
  return net.isIP(bare) === 0 ? '' : bare;
}
