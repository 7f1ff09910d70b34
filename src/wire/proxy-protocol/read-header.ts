// Reads the header with which a proxy in front tells whose connection it passes on (PROXY protocol, versions 1 and 2, by HAProxy's
// specification of 2020-03-05). Bytes in, facts out. Writing one is in write-header.ts.
import { isIPv4, isIPv6 } from 'node:net';
import { crc32c } from '#lib/crc32c.ts';
import { formatIpAddress, parseIpAddress } from '#lib/ip-address.ts';

export interface PeerAddress {
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Bytes of the header. */
  readonly length: number;
  /** Both are `undefined` when the proxy speaks for itself (LOCAL) or does not know (UNKNOWN). */
  readonly source: PeerAddress | undefined;
  readonly destination: PeerAddress | undefined;
  /** Additional values of version 2 by type; the last of each. */
  readonly values: ReadonlyMap<number, Buffer>;
}

/** The bytes are no valid header. */
export class ProxyHeaderError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProxyHeaderError';
  }
}

/** Section 2.2: twelve bytes that begin no other protocol. */
export const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Section 2.1: "107 chars" at most for a line of version 1, the line end included. */
const MAX_LINE_BYTES = 107;
const FIXED_BYTES = 16;
/** Additional values beyond this are of no use to anybody. */
const MAX_HEADER_BYTES = 4096;

/** Types of additional values (section 2.2). */
export const CRC32C = 0x03;

const NO_VALUES: ReadonlyMap<number, Buffer> = new Map();

/** The header at the beginning of `bytes`; `undefined` when more bytes are needed. Throws a `ProxyHeaderError`. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? undefined : readBinary(bytes);
  if (startsLike(bytes, PREFIX)) return readLine(bytes);
  throw new ProxyHeaderError('the connection does not begin with a PROXY header');
}

const PREFIX = Buffer.from('PROXY ', 'latin1');

/** Whether the bytes are the start of `wanted`, or begin with it. */
function startsLike(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length);
  return bytes.subarray(0, length).equals(wanted.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length >= MAX_LINE_BYTES) throw new ProxyHeaderError('the line is longer than 107 bytes');
    return undefined;
  }
  const [, family, ...rest] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  // Section 2.1: for UNKNOWN "the receiver must ignore anything presented before the CRLF is found".
  if (family === 'UNKNOWN') return { version: 1, length, source: undefined, destination: undefined, values: NO_VALUES };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (!isAddress) throw new ProxyHeaderError('the family is none of TCP4, TCP6 and UNKNOWN');
  const [source = '', destination = '', sourcePort, destinationPort] = rest;
  if (rest.length !== 4 || !isAddress(source) || !isAddress(destination))
    throw new ProxyHeaderError('the line does not hold two addresses and two ports');
  return {
    version: 1,
    length,
    source: { address: readAddress(source), port: readPort(sourcePort) },
    destination: { address: readAddress(destination), port: readPort(destinationPort) },
    values: NO_VALUES,
  };
}

/** An address in the one form that stands for it, so that a client counts as the same however it is written. */
function readAddress(text: string): string {
  const address = parseIpAddress(text);
  return address ? formatIpAddress(address.bytes) : text;
}

/** Section 2.1: decimal, without leading zeros. */
function readPort(text = ''): number {
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text) || Number(text) > 65535) throw new ProxyHeaderError('a port is no port');
  return Number(text);
}

/** Bytes of both addresses and ports, by family and transport; those that are not listed say nothing that is of use here. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 17: 12, 33: 36 };

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const command = bytes[12] as number;
  if (command >> 4 !== 2) throw new ProxyHeaderError('the version is not 2');
  if ((command & 0xf) > 1) throw new ProxyHeaderError('the command is neither LOCAL nor PROXY');
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > MAX_HEADER_BYTES) throw new ProxyHeaderError(`the header is longer than ${MAX_HEADER_BYTES} bytes`);
  if (bytes.length < length) return undefined;
  const header = bytes.subarray(0, length);
  const isLocal = (command & 0xf) === 0;
  const family = bytes[13] as number;
  const addressBytes = ADDRESS_BYTES[family];
  // Section 2.2: for LOCAL the receiver "must skip" the addresses, and "must accept" families it does not know as UNSPEC.
  if (isLocal || addressBytes === undefined)
    return { version: 2, length, source: undefined, destination: undefined, values: NO_VALUES };
  if (length < FIXED_BYTES + addressBytes) throw new ProxyHeaderError('the header is shorter than its addresses');
  const values = readValues(header, FIXED_BYTES + addressBytes);
  const size = family === 0x11 ? 4 : 16;
  const address = (at: number) => formatIpAddress(header.subarray(at, at + size));
  const ports = FIXED_BYTES + 2 * size;
  return {
    version: 2,
    length,
    source: { address: address(FIXED_BYTES), port: header.readUInt16BE(ports) },
    destination: { address: address(FIXED_BYTES + size), port: header.readUInt16BE(ports + 2) },
    values,
  };
}

function readValues(header: Buffer, start: number): ReadonlyMap<number, Buffer> {
  const values = new Map<number, Buffer>();
  for (let at = start; at < header.length; ) {
    if (at + 3 > header.length) throw new ProxyHeaderError('an additional value is cut off');
    const type = header[at] as number;
    const end = at + 3 + header.readUInt16BE(at + 1);
    if (end > header.length) throw new ProxyHeaderError('an additional value is cut off');
    values.set(type, Buffer.from(header.subarray(at + 3, end)));
    if (type === CRC32C) checkSum(header, at + 3, end);
    at = end;
  }
  return values;
}

/** Section 2.2.3: the checksum is that of the whole header with zeros in its own place; a wrong one ends the connection. */
function checkSum(header: Buffer, from: number, to: number): void {
  if (to - from !== 4) throw new ProxyHeaderError('the checksum has not four bytes');
  const zeroed = Buffer.from(header).fill(0, from, to);
  if (crc32c(zeroed) !== header.readUInt32BE(from)) throw new ProxyHeaderError('the checksum is wrong');
}
