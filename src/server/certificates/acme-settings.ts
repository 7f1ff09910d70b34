// What the section `certificates.acme` of a configuration means to the issuer.
import type { AcmeConfig } from '#config/certificates-schema.ts';
import type { AcmeSettings } from './acme/issuer.ts';

/** `authorities` is what the file `ca` holds. */
export function acmeSettings(config: AcmeConfig, authorities: string | undefined): AcmeSettings {
  const { dns, eab } = config;
  return {
    directoryUrl: config.directory,
    account: {
      contact: config.email.map((address) => `mailto:${address}`),
      binding: eab && { keyId: eab.kid, hmacKey: eab['hmac-key'] },
    },
    authorities,
    challenge: config.challenge,
    dns: dns && { command: dns.command, env: dns.env, timeoutMs: dns.timeout, waitMs: dns.wait },
    keyType: config['key-type'],
    profile: config.profile,
    renewAt: config['renew-at'],
  };
}
