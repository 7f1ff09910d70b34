// What a PROXY header of version 2 tells of the client's TLS that has ended in front (sections 2.2.1, 2.2.2 and 2.2.6).

const ALPN = 0x01;
const AUTHORITY = 0x02;
const SSL = 0x20;
const SSL_VERSION = 0x21;
const SSL_CN = 0x22;
const SSL_CIPHER = 0x23;

const CLIENT_SSL = 0x01;
const CLIENT_CERT_CONN = 0x02;
const CLIENT_CERT_SESS = 0x04;

/** '' for nothing to tell. */
export interface ProxiedTls {
  readonly version: string;
  readonly cipher: string;
  readonly alpn: string;
  readonly serverName: string;
  /** Whether the session is one of a former connection, which showed the certificate. */
  readonly resumed: boolean;
  /** The client's certificate that was accepted. */
  readonly client: { readonly commonName: string } | undefined;
}

/** Type-length-value vectors, one behind the other. */
export function writeTlsVectors({ version, cipher, alpn, serverName, resumed, client }: ProxiedTls): Buffer {
  const shown = client ? CLIENT_CERT_SESS | (resumed ? 0 : CLIENT_CERT_CONN) : 0;
  const verify = Buffer.alloc(4);
  // "Zero if the client presented a certificate and it was successfully verified, and non-zero otherwise."
  verify.writeUInt32BE(client ? 0 : 1);
  const ssl = Buffer.concat([
    Buffer.from([CLIENT_SSL | shown]),
    verify,
    vector(SSL_VERSION, version),
    vector(SSL_CIPHER, cipher),
    vector(SSL_CN, client?.commonName ?? ''),
  ]);
  return Buffer.concat([vector(ALPN, alpn), vector(AUTHORITY, serverName), vector(SSL, ssl)]);
}

/** Nothing for an empty value. */
function vector(type: number, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes]);
}
