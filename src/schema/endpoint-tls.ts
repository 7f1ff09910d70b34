// The options of TLS with endpoints, as upstreams and probes have them.
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { s } from './blocks.ts';
import { certificatesProblem, isPair, keyProblem } from './pem.ts';
import type { Schema } from './schema.ts';

const LABELS =
  /^(?=.{1,253}$)[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?(?:\.[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?)*$/;

/** All may be left out; what that means is said by who takes them. */
const shape = {
  'server-name': s
    .checked(serverNameProblem)
    .optional()
    .describe('Name that is asked for by SNI and must be in the certificate; an IP address must be there as such.'),
  ca: s
    .checked(certificatesProblem)
    .optional()
    .describe(
      'File with certificates in PEM of the authorities that are trusted, relative to this file, or its text, as ${file:ca.pem}; the usual ones by default.',
    ),
  cert: s
    .checked(certificatesProblem)
    .optional()
    .describe(
      'File with a certificate of the gateway in PEM and those of its issuers, or its text, as ${file:client.pem}, for endpoints that want one.',
    ),
  key: s.checked(keyProblem).optional().describe('File with the key to it in PEM, or its text, as ${file:client.key}.'),
  verify: s.boolean().optional().describe('Whether the certificate is checked.'),
  'min-version': s.enum(['1.2', '1.3']).optional().describe('Oldest version of TLS that will do.'),
  ciphers: s
    .checked(ciphersProblem)
    .optional()
    .describe('Cipher suites as OpenSSL lists them, those of TLS 1.3 included; the defaults of Node.js by default.'),
};

/** An object with these options and `more`. */
export function endpointTlsOptions<More extends Record<string, Schema<unknown>>>(more: More) {
  return s.object({ ...shape, ...more }).superRefine(({ cert, key }: { cert?: unknown; key?: unknown }, context) => {
    const message = pairProblem(cert, key);
    if (message) context.addIssue({ code: 'custom', path: [cert === undefined ? 'cert' : 'key'], message });
  });
}

/** RFC 7301 3.1: "opaque ProtocolName<1..2^8-1>", in bytes. */
export const alpnProtocol = s
  .string()
  .min(1)
  .max(255)
  .refine((name) => Buffer.byteLength(name) <= 255, 'the name of a protocol has at most 255 bytes');

function pairProblem(cert: unknown, key: unknown): string | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) return 'is missing; the key is of no use without its certificate';
  if (key === undefined) return 'is missing; the certificate is of no use without its key';
  return isPair(String(cert), String(key)) ? undefined : 'is not the key of the certificate';
}

function serverNameProblem(text: string): string | undefined {
  return isIP(text) > 0 || LABELS.test(text) ? undefined : `"${text}" is neither a host name nor an IP address`;
}

function ciphersProblem(text: string): string | undefined {
  try {
    if (text === '') throw new Error('Node.js would take its defaults');
    createSecureContext({ ciphers: text });
    return undefined;
  } catch {
    return `OpenSSL knows no cipher suites by "${text}"`;
  }
}
