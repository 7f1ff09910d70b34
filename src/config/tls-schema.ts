// The sections `tls` of a listener and of the whole configuration.
import { isLocalName } from '#lib/local-names.ts';
import { validateHostPattern } from '#routing/patterns.ts';
import { s } from '#schema/blocks.ts';
import { alpnProtocol } from '#schema/endpoint-tls.ts';
import { certificateName } from './certificates-schema.ts';

const certificate = s.object({
  cert: s
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the certificate in PEM, those of intermediate authorities behind it; relative to this file. Or its text, as ${file:site.pem}, which is read at a reload only.',
    ),
  key: s
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the private key of the certificate in PEM; relative to this file. Or its text, as ${env:SITE_KEY}.',
    ),
  acme: s
    .union([s.literal('on-demand'), s.list(certificateName())])
    .optional()
    .describe(
      'Instead of files: names for one certificate that is issued and renewed by certificates.acme; or on-demand, for one for each name that a client asks for.',
    ),
  local: s
    .union([s.boolean(), s.list(localName())])
    .optional()
    .describe(
      'Instead of files: true for a certificate for this machine (localhost, 127.0.0.1, ::1) by the authority of tidegate certs local, or a list of further local names for it.',
    ),
});

/** Suites of TLS 1.3 first; then those of TLS 1.2 with forward secrecy and authenticated encryption. */
const MODERN_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const;

/** For clients of ten years ago: without authenticated encryption. */
const OLD_CIPHERS = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
] as const;

const GROUPS = [
  'X25519MLKEM768',
  'SecP256r1MLKEM768',
  'SecP384r1MLKEM1024',
  'X25519',
  'X448',
  'P-256',
  'P-384',
  'P-521',
] as const;

export const listenerTls = s.object({
  certificates: s
    .array(certificate)
    .min(1)
    .describe(
      'The certificate is chosen by the name that the client asks for, and of several for the same name by the kinds of keys that the client can verify. Without a name it is the first.',
    ),
  'unknown-name': s
    .enum(['refuse', 'default'])
    .default('refuse')
    .describe('What becomes of a client that asks for a name no certificate has: refused, or given the first.'),
  'min-version': s.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('The oldest version of TLS.'),
  ciphers: s
    .array(s.enum([...MODERN_CIPHERS, ...OLD_CIPHERS]))
    .min(1)
    .default([...MODERN_CIPHERS])
    .describe('Cipher suites, the most wanted first: those of TLS 1.3 by their names, those of TLS 1.2 by OpenSSL’s.'),
  groups: s
    .array(s.enum(GROUPS))
    .min(1)
    .optional()
    .describe('Groups for the key exchange, the most wanted first. By default OpenSSL’s choice, hybrid ones included.'),
  alpn: s
    .list(alpnProtocol)
    .default([])
    .describe(
      'With protocol: tcp, the application protocols to agree on with clients that offer any; by default what they offer counts for nothing.',
    ),
  'session-tickets': s
    .boolean()
    .default(true)
    .describe('Whether clients may resume a session, in whichever worker, instead of a whole handshake.'),
  client: s
    .object({
      ca: s
        .list(s.string().min(1))
        .describe(
          'Files with certificates in PEM of the authorities that vouch for clients, relative to this file, or their texts.',
        ),
      mode: s
        .enum(['required', 'optional'])
        .default('required')
        .describe(
          'required: without a certificate that is accepted there is no connection. optional: it is one without an identity, for policies to judge.',
        ),
      names: s
        .list(s.checked(validateHostPattern, (text) => text.toLowerCase()))
        .default([])
        .describe(
          'Ask only clients that want these names, or *.example.com for all names below; by default all clients are asked.',
        ),
      crl: s
        .list(s.string().min(1))
        .default([])
        .describe(
          'Files with lists of revoked certificates in PEM, relative to this file, or their texts: of each authority one that has not run out.',
        ),
      forward: s
        .list(s.enum(['certificate', 'chain', 'subject', 'issuer', 'fingerprint']))
        .default([])
        .describe(
          'What endpoints are told of the certificate: in Client-Cert and Client-Cert-Chain (RFC 9440), Client-Cert-Subject, -Issuer and -Fingerprint.',
        ),
    })
    .optional()
    .describe('Certificates of clients.'),
  'handshake-timeout': s
    .positiveDuration()
    .prefault('10s')
    .describe('From the connection to the end of the TLS handshake.'),
});

const MIN_ROTATION_MS = 60_000;
/** RFC 8446 4.6.1: a ticket may be used for seven days; with two rotations it is good for less. */
const MAX_ROTATION_MS = 3 * 86_400_000;

export const tls = s.object({
  'ticket-rotation': s
    .positiveDuration()
    .refine((ms) => ms >= MIN_ROTATION_MS && ms <= MAX_ROTATION_MS, { error: 'must be from 1m to 72h' })
    .prefault('6h')
    .describe(
      'How often the key that session tickets are sealed with is replaced. The two before it still open tickets, which are good for twice this time; older ones are destroyed.',
    ),
});

function localName() {
  return s.checked(
    (text) =>
      isLocalName(text.toLowerCase())
        ? undefined
        : `"${text}" is no local name: those end with .localhost, .test, .local, .internal or .home.arpa, or are private addresses`,
    (text) => text.toLowerCase(),
  );
}
