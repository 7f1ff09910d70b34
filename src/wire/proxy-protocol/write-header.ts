// Writes the header that tells an endpoint whose connection it gets (PROXY protocol, versions 1 and 2). Reading is in read-header.ts.
import { crc32c } from '#lib/crc32c.ts';
import { formatIpAddress, parseIpAddress } from '#lib/ip-address.ts';
import { CRC32C, type PeerAddress, SIGNATURE } from './read-header.ts';
import { type ProxiedTls, writeTlsVectors } from './tls-vectors.ts';

const NOTHING = Buffer.alloc(0);

/** What a header may say beside addresses. */
export interface HeaderExtras {
  /** `tcp` by default. */
  readonly transport?: 'tcp' | 'udp';
  /** The client's TLS that has ended here; version 1 has no place for it. */
  readonly tls?: ProxiedTls | undefined;
}

/** The header; without addresses of one family it says that nothing is known. Version 1 is for TCP only. */
export function writeProxyHeader(
  version: 1 | 2,
  source: PeerAddress,
  destination: PeerAddress,
  { transport = 'tcp', tls }: HeaderExtras = {},
): Buffer {
  const from = parseIpAddress(source.address);
  const to = parseIpAddress(destination.address);
  const known = from !== undefined && to !== undefined && from.version === to.version;
  if (!known) return writeOwnHeader(version);
  if (version === 1) {
    // Without the zone that a link-local address comes with.
    const addresses = `${formatIpAddress(from.bytes)} ${formatIpAddress(to.bytes)}`;
    const line = `PROXY TCP${from.version} ${addresses} ${source.port} ${destination.port}\r\n`;
    return Buffer.from(line, 'latin1');
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  // Section 2.2: the family in the upper half of the byte, STREAM or DGRAM in the lower.
  const family = (from.version === 4 ? 0x10 : 0x20) | (transport === 'tcp' ? 1 : 2);
  return withChecksum(0x21, family, Buffer.concat([from.bytes, to.bytes, ports, tls ? writeTlsVectors(tls) : NOTHING]));
}

/** The header of what is passed on for nobody: UNKNOWN in version 1, LOCAL in version 2 (section 2). */
export function writeOwnHeader(version: 1 | 2): Buffer {
  return version === 1 ? Buffer.from('PROXY UNKNOWN\r\n', 'latin1') : withChecksum(0x20, 0x00, Buffer.alloc(0));
}

function withChecksum(command: number, family: number, addresses: Buffer): Buffer {
  const fixed = Buffer.alloc(4);
  fixed[0] = command;
  fixed[1] = family;
  fixed.writeUInt16BE(addresses.length + 7, 2);
  const header = Buffer.concat([SIGNATURE, fixed, addresses, Buffer.from([CRC32C, 0, 4, 0, 0, 0, 0])]);
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}
