// Names of IP addresses in the reverse tree of the DNS.
import { parseIpAddress } from '#lib/ip-address.ts';

/** RFC 1035 section 3.5 and RFC 3596 section 2.5, without the last dot. Throws when the text is no address. */
export function reverseName(address: string): string {
  const parsed = parseIpAddress(address);
  if (!parsed) throw new RangeError(`${address} is no IP address`);
  const { bytes, version } = parsed;
  if (version === 4) return `${[...bytes].reverse().join('.')}.in-addr.arpa`;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}
