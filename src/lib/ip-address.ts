// IP addresses and prefixes as bits. IPv4-mapped IPv6 addresses count as the IPv4 address they hold.
import net from 'node:net';

export interface IpAddress {
  readonly version: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
}

/** Parses an address in text form; a zone (`%eth0`) is ignored. `undefined` when it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const address = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  if (net.isIPv4(address)) return { version: 4, bytes: Uint8Array.from(address.split('.').map(Number)) };
  if (!net.isIPv6(address)) return undefined;
  const bytes = parseIpv6(address);
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return mapped ? { version: 4, bytes: bytes.slice(12) } : { version: 6, bytes };
}

/** An IPv4 address that a dual-stack socket shows as `::ffff:a.b.c.d`, in its own form. */
export function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export interface IpPrefix extends IpAddress {
  /** Leading bits that count. */
  readonly length: number;
}

/** Parses `address/length` or a single address. `undefined` when it is none; bits behind the length are dropped. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf('/');
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = address.bytes.length * 8;
  const digits = text.slice(slash + 1);
  let length = bits;
  if (slash >= 0) {
    if (!/^[0-9]{1,3}$/.test(digits)) return undefined;
    length = Number(digits);
    // A prefix of a mapped address is counted in IPv6's bits.
    if (address.version === 4 && text.includes(':')) length -= 96;
  }
  return length < 0 || length > bits ? undefined : prefixOf(address, length);
}

/** The prefix of `length` bits that the address is in. */
export function prefixOf({ version, bytes }: IpAddress, length: number): IpPrefix {
  const kept = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 0xff);
  return { version, bytes: kept, length };
}

/** The prefix in canonical text: IPv4 as dotted decimals, IPv6 as eight groups. */
export function formatIpPrefix(prefix: IpPrefix): string {
  const { bytes, length, version } = prefix;
  if (version === 4) return `${bytes.join('.')}/${length}`;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return `${groups.join(':')}/${length}`;
}

/** The text form of 4 or 16 bytes, IPv6 as RFC 5952 writes it; an IPv4-mapped address as the IPv4 address it holds. */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] as number) << 8) | (bytes[i * 2 + 1] as number)).toString(16),
  );
  const { address } = new net.SocketAddress({ address: groups.join(':'), family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function parseIpv6(address: string): Uint8Array {
  let text = address;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted) {
    const [, head, a, b, c, d] = dotted as unknown as [string, string, string, string, string, string];
    text = `${head}${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`;
  }
  const [left = '', right] = text.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[i * 2] = value >> 8;
    bytes[i * 2 + 1] = value & 255;
  });
  return bytes;
}
