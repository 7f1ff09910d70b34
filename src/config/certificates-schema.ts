// The section `certificates`: how certificates come about that no file brings, and where they are kept.
import { isIP } from 'node:net';
import { validateHostPattern } from '#routing/patterns.ts';
import { type Output, s } from '#schema/blocks.ts';

const DEFAULT_DIRECTORY = 'https://acme-v02.api.letsencrypt.org/directory';

/** A DNS name, which `*.` may stand before, or an IP address; in lower case. */
export const certificateName = () => s.checked(nameProblem, (text) => text.toLowerCase());

const dns = s.object({
  command: s
    .array(s.string())
    .min(1)
    .describe(
      'The program and its arguments, without a shell. Behind them it gets present or cleanup, the name of the TXT record and its value; it has done its part when it ends with the status 0.',
    ),
  env: s.record(s.string()).default({}).describe('Variables that it finds in its environment, beside PATH and HOME.'),
  timeout: s.positiveDuration().prefault('2m').describe('For one call; then it is killed with all that it started.'),
  wait: s.duration().prefault('0s').describe('From the last record to the question, for name servers that are slow.'),
});

const eab = s.object({
  kid: s.string().min(1).describe('Identifier of the account that the authority has given out.'),
  'hmac-key': s.string().min(1).describe('Its secret, in base64url.'),
});

const onDemand = s.object({
  allow: s
    .list(s.checked(validateHostPattern, (text) => text.toLowerCase()))
    .default([])
    .describe('Names that a certificate may be issued for, or *.example.com for all names below.'),
  ask: s
    .checked(httpUrlProblem)
    .optional()
    .describe(
      'An http or https URL that is asked about a name, which is also one of allow where that is set: GET with ?domain=NAME behind it. An answer of 2xx allows it.',
    ),
  rate: s
    .rate()
    .prefault('10/h')
    .describe('Names that are new, over all listeners: so many at once, and as many in each further period.'),
  max: s.integer({ min: 1, max: 100_000 }).default(100).describe('Certificates on demand in all.'),
});

const acme = s.object({
  directory: s
    .checked(directoryProblem)
    .prefault(DEFAULT_DIRECTORY)
    .describe("URL of the directory of the ACME server; by default that of Let's Encrypt."),
  'agree-to-terms': s
    .boolean()
    .describe('That you agree to the terms of the authority. Without true, nothing is issued.'),
  email: s.list(s.checked(emailProblem)).default([]).describe('Where the authority may write to.'),
  ca: s
    .string()
    .optional()
    .describe(
      'File with the authorities that the ACME server itself is trusted by, in PEM; those of the system by default. Relative to this file; or its text.',
    ),
  challenge: s
    .enum(['http-01', 'tls-alpn-01', 'dns-01'])
    .default('http-01')
    .describe(
      'How it is proved that the names are yours: by an http listener that is reached at port 80, by a listener with TLS at port 443, or by a record in the DNS, which wildcards need.',
    ),
  dns: dns.optional().describe('The hook of dns-01.'),
  eab: eab.optional().describe('For authorities that want an account of theirs (external account binding).'),
  'key-type': s
    .enum(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-4096'])
    .default('ecdsa-p256')
    .describe('Kind of the keys; each certificate has a new one.'),
  profile: s.string().default('').describe('A profile that the directory of the authority lists, such as shortlived.'),
  'renew-at': s
    .percentage()
    .prefault('67%')
    .describe(
      'Share of its lifetime after which a certificate is renewed, where the authority suggests no time (ARI).',
    ),
  'on-demand': onDemand
    .optional()
    .describe('Which names get a certificate at their first handshake, on listeners with { acme: on-demand }.'),
});

export const certificates = s.object({
  storage: s
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder for keys and certificates that no file brings; relative to this file. By default the folder certificates in that of systemd's StateDirectory, else in /var/lib/tidegate for root, else in the user's folder for data.",
    ),
  'ocsp-stapling': s
    .boolean()
    .default(true)
    .describe('Whether certificates that name an OCSP responder are stapled with its responses.'),
  acme: acme.optional().describe("Certificates by ACME (RFC 8555), as of Let's Encrypt."),
});

export type AcmeConfig = Output<typeof acme>;
export type OnDemandConfig = Output<typeof onDemand>;

function nameProblem(text: string): string | undefined {
  if (isIP(text) !== 0) return undefined;
  if (/[^\x20-\x7e]/.test(text)) return `"${text}" must be written in ASCII, as xn--…`;
  const labels = text.replace(/^\*\./, '').split('.');
  const isName = text.length <= 253 && labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
  return isName ? undefined : `"${text}" is no name such as www.example.com or *.example.com, nor an IP address`;
}

function directoryProblem(text: string): string | undefined {
  // RFC 8555 section 6.1: "Use of HTTPS is REQUIRED."
  return URL.canParse(text) && text.startsWith('https://') ? undefined : `"${text}" is no https URL`;
}

function httpUrlProblem(text: string): string | undefined {
  return URL.canParse(text) && /^https?:/.test(text) ? undefined : `"${text}" is no http or https URL`;
}

function emailProblem(text: string): string | undefined {
  // RFC 8555 section 7.3: one address without header fields. What is behind the @ is the authority's to judge.
  return /^[^\s@?,;]+@[^\s@?,;]+$/.test(text) ? undefined : `"${text}" is no address such as ops@example.com`;
}
