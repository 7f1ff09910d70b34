// The section `tls` of a listener.
import { isLocalName } from '#lib/local-names.ts';
import { s } from '#schema/blocks.ts';
import { certificateName } from './certificates-schema.ts';

const certificate = s.object({
  cert: s
    .string()
    .min(1)
    .optional()
    .describe('File with the certificate in PEM, those of intermediate authorities behind it; relative to this file.'),
  key: s
    .string()
    .min(1)
    .optional()
    .describe('File with the private key of the certificate in PEM; relative to this file.'),
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

export const listenerTls = s.object({
  certificates: s
    .array(certificate)
    .min(1)
    .describe(
      'The certificate is chosen by the name that the client asks for. Without one, or with one that no certificate has, it is the first.',
    ),
  'handshake-timeout': s
    .positiveDuration()
    .prefault('10s')
    .describe('From the connection to the end of the TLS handshake.'),
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
