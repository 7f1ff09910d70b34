// Reads a whole ClientHello (RFC 8446 4.1.2) for what a connection can be routed by: the name (RFC 6066 3) and the application
// protocols (RFC 7301 3.1) that the client asks for.
import { TlsError } from './tls-error.ts';
import { malformed, Vector } from './vector.ts';

export interface ClientHello {
  /** In lower case; '' when the client names none. Where it encrypts its ClientHello, that of the outer one. */
  readonly serverName: string;
  /** As Latin-1, in the client's order; they may hold any bytes (RFC 8701 has clients offer nonsense). */
  readonly protocols: readonly string[];
}

/** Extension types. */
const SERVER_NAME = 0;
const APPLICATION_LAYER_PROTOCOLS = 16;

const RANDOM_BYTES = 32;
const HOST_NAME = 0;

/** Reads the message without its header. Throws a `TlsError`. */
export function parseClientHello(body: Buffer): ClientHello {
  const message = new Vector(body);
  if (message.uint(2) >> 8 !== 3) throw new TlsError('protocol_version', 'the version is none of TLS');
  message.skip(RANDOM_BYTES);
  if (message.vector(1).length > 32) throw malformed('the session id is longer than 32 bytes');
  const suites = message.vector(2);
  if (suites.length === 0 || suites.length % 2 !== 0) throw malformed('the list of cipher suites is not valid');
  if (message.vector(1).length === 0) throw malformed('there is no compression method');
  // RFC 5246 7.4.1.2: a ClientHello may end here.
  if (message.length === 0) return { serverName: '', protocols: [] };
  const extensions = message.vector(2);
  message.mustBeEmpty();
  return readExtensions(extensions);
}

function readExtensions(extensions: Vector): ClientHello {
  let serverName = '';
  let protocols: readonly string[] = [];
  const seen = new Set<number>();
  while (extensions.length > 0) {
    const type = extensions.uint(2);
    const data = extensions.vector(2);
    // RFC 8446 4.2: "There MUST NOT be more than one extension of the same type in a given extension block."
    if (seen.has(type)) throw new TlsError('illegal_parameter', `the extension ${type} is there twice`);
    seen.add(type);
    if (type === SERVER_NAME) serverName = readServerName(data);
    else if (type === APPLICATION_LAYER_PROTOCOLS) protocols = readProtocols(data);
  }
  return { serverName, protocols };
}

function readServerName(data: Vector): string {
  const list = data.vector(2);
  data.mustBeEmpty();
  let name = '';
  do {
    const type = list.uint(1);
    const value = list.vector(2);
    if (type !== HOST_NAME) continue;
    // RFC 6066 3: "The ServerNameList MUST NOT contain more than one name of the same name_type."
    if (name !== '') throw new TlsError('illegal_parameter', 'there are two host names');
    name = value.text();
    // RFC 6066 3: "a byte string using ASCII encoding without a trailing dot"; so also A-labels of other names.
    if (!/^[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,253}[0-9A-Za-z_])?$/.test(name))
      throw new TlsError('illegal_parameter', 'the host name is none');
  } while (list.length > 0);
  return name.toLowerCase();
}

function readProtocols(data: Vector): readonly string[] {
  const list = data.vector(2);
  data.mustBeEmpty();
  const protocols: string[] = [];
  do {
    const protocol = list.vector(1).text();
    // RFC 7301 3.1: "Empty strings MUST NOT be included".
    if (protocol === '') throw malformed('a protocol name is empty');
    protocols.push(protocol);
  } while (list.length > 0);
  return protocols;
}
