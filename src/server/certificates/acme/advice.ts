// What an operator can do about a certificate that could not be issued.
import { AcmeError } from './acme-error.ts';
import type { ChallengeType } from './solver.ts';

const PLACES: Readonly<Record<ChallengeType, string>> = {
  'http-01': 'an http listener of this gateway must be reached at port 80 of that name',
  'tls-alpn-01':
    'a listener of this gateway with TLS must be reached at port 443 of that name, without another one that ends TLS before',
  'dns-01':
    'the DNS hook must put the record where all name servers of the zone have it before it ends; certificates.acme.dns.wait gives them time',
};

const REMEDIES: Readonly<Record<string, string>> = {
  rateLimited: 'nothing but waiting helps; use the staging directory of the authority for trials',
  caa: 'the CAA records of the name must allow this authority (RFC 8659)',
  dns: 'the name must resolve to this gateway for the whole world',
  rejectedIdentifier: 'the authority issues nothing for such a name',
  externalAccountRequired: 'set certificates.acme.eab to what the authority gave you',
  userActionRequired: 'the authority has new terms: read them, they are linked in its message',
  accountDoesNotExist: 'the account will be made anew',
  unsupportedContact: 'certificates.acme.email must be an address that the authority accepts',
  invalidContact: 'certificates.acme.email must be an address that the authority accepts',
  invalidProfile: 'certificates.acme.profile must be one that the directory of the authority lists',
};

/** A sentence without its dot; '' where there is nothing to say. */
export function adviceFor(error: unknown, challenge: ChallengeType): string {
  if (!(error instanceof AcmeError)) return '';
  if (['connection', 'unauthorized', 'incorrectResponse', 'tls'].includes(error.type)) return PLACES[challenge];
  return REMEDIES[error.type] ?? '';
}
