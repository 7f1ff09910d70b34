// What is spoken with the proxies, and how the load generators are kept to the same TLS with all of them.
import { join } from 'node:path';

/** HTTP/1.1 and HTTP/2, each in the clear and over TLS. */
export type Protocol = 'http' | 'https' | 'h2c' | 'h2';

export function isSecure(protocol: Protocol): boolean {
  return protocol === 'https' || protocol === 'h2';
}

/** What clients offer in TLS: so no server can choose something dearer or cheaper than the others. */
export const TLS_CIPHER = 'TLS_AES_128_GCM_SHA256';
export const TLS_GROUP = 'X25519';

/** Settings of OpenSSL for programs whose command line has none for it. */
export const OPENSSL_SETTINGS = `openssl_conf = programs
[programs]
ssl_conf = libssl
[libssl]
system_default = all
[all]
MinProtocol = TLSv1.3
Ciphersuites = ${TLS_CIPHER}
Groups = ${TLS_GROUP}
`;

export function opensslSettingsFile(folder: string): string {
  return join(folder, 'openssl.cnf');
}
