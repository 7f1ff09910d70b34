// The section `tls` of a listener.
import { s } from '#schema/blocks.ts';

const certificateFiles = s.object({
  cert: s
    .string()
    .min(1)
    .describe('File with the certificate in PEM, those of intermediate authorities behind it; relative to this file.'),
  key: s.string().min(1).describe('File with the private key of the certificate in PEM; relative to this file.'),
});

export const listenerTls = s.object({
  certificates: s
    .array(certificateFiles)
    .min(1)
    .describe(
      'The certificate is chosen by the name that the client asks for. Without one, or with one that no certificate has, it is the first.',
    ),
  'handshake-timeout': s
    .positiveDuration()
    .prefault('10s')
    .describe('From the connection to the end of the TLS handshake.'),
});
