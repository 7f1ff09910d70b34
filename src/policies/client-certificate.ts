// Policy: lets in clients with a certificate, by what it says, and takes it as their identity. The certificate itself was verified by the
// listener, which asks for it (`tls.client`).
import { isIP } from 'node:net';
import { compileCertificateNames } from '#http/host-patterns.ts';
import { definePolicy } from '#model/policy.ts';
import { ProxyError } from '#model/proxy-error.ts';
import type { ClientCertificate } from '#model/tls.ts';
import { s } from '#schema/blocks.ts';

const FINGERPRINT = /^[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}$/;

type Demand = (client: ClientCertificate) => boolean;

export const clientCertificate = definePolicy({
  type: 'client-certificate',
  summary:
    'Lets in clients with a certificate, by what it says, and takes it as their identity; answers 403 to others.',
  options: () =>
    s.object({
      required: s
        .boolean()
        .default(true)
        .describe('Whether a client needs a certificate. One that has none at all is let pass with false.'),
      subjects: s
        .array(s.string().min(1))
        .optional()
        .describe('Subjects to let in, as RFC 4514 writes them: "CN=alice,O=Example".'),
      'common-names': s.array(s.string().min(1)).optional().describe('Common names to let in.'),
      names: s
        .array(s.string().min(1))
        .optional()
        .describe(
          'Names of subjectAltName to let in: host names, or *.example.com for those with one label more; URIs, addresses.',
        ),
      fingerprints: s
        .array(
          s.checked(
            (text) => (FINGERPRINT.test(text) ? undefined : `"${text}" is not a SHA-256 in hexadecimal`),
            (text) => text.replaceAll(':', '').toLowerCase(),
          ),
        )
        .optional()
        .describe('SHA-256 fingerprints of certificates to let in, in hexadecimal.'),
      issuers: s
        .array(s.string().min(1))
        .optional()
        .describe('Subjects of the authorities that have issued certificates to let in.'),
      consumer: s
        .enum(['subject', 'common-name', 'name', 'fingerprint'])
        .optional()
        .describe(
          'What of the certificate is the identity of the client (`consumer`): name is the first of its names.',
        ),
    }),
  example: 'type: client-certificate\nnames: ["*.clients.example.com"]\nconsumer: common-name',
  create({ required, consumer, ...lists }) {
    const demands = compileDemands(lists);
    return (next) => (exchange) => {
      const { tls } = exchange.connection;
      const client = tls?.client;
      if (!client && !required && !tls?.clientProblem) return next(exchange);
      const problem = client ? problemOf(client, demands) : tls?.clientProblem || 'the client has shown no certificate';
      if (!client || problem !== undefined) {
        exchange.answeredBy = 'client-certificate';
        throw new ProxyError('client-certificate-refused', problem);
      }
      if (consumer) exchange.consumer = identityOf(client, consumer);
      return next(exchange);
    };
  },
});

interface Lists {
  readonly subjects?: readonly string[] | undefined;
  readonly 'common-names'?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly fingerprints?: readonly string[] | undefined;
  readonly issuers?: readonly string[] | undefined;
}

/** Of each list that is there, one entry must fit. */
function compileDemands(lists: Lists): ReadonlyMap<string, Demand> {
  const demands = new Map<string, Demand>();
  const add = (name: string, list: readonly string[] | undefined, create: (list: readonly string[]) => Demand) => {
    if (list) demands.set(name, create(list));
  };
  add('subjects', lists.subjects, (list) => (client) => list.includes(client.subject));
  add('common-names', lists['common-names'], (list) => (client) => list.includes(client.commonName));
  add('names', lists.names, compileNames);
  add('fingerprints', lists.fingerprints, (list) => (client) => list.includes(client.fingerprint));
  add('issuers', lists.issuers, (list) => (client) => list.includes(client.issuer));
  return demands;
}

/**
 * RFC 5280 4.2.1.6: "the domain name MUST be stored in the dNSName". Host names are looked for there alone: a mail address or a URI that ends
 * alike, which an authority may vouch for much more easily, is no host name, nor the other way about.
 */
function compileNames(list: readonly string[]): Demand {
  const hosts = list.filter(isHostPattern).map((name) => name.toLowerCase());
  const others = new Set(list.filter((name) => !isHostPattern(name)));
  const isHost = compileCertificateNames(hosts);
  return ({ names, hostNames }) =>
    hostNames.some(isHost) || names.some((name) => others.has(name) && !hostNames.includes(name));
}

function isHostPattern(name: string): boolean {
  return isIP(name) === 0 && /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/.test(name);
}

function problemOf(client: ClientCertificate, demands: ReadonlyMap<string, Demand>): string | undefined {
  for (const [name, isMet] of demands)
    if (!isMet(client)) return `the certificate of ${client.subject} is in none of ${name}`;
  return undefined;
}

function identityOf(client: ClientCertificate, part: 'subject' | 'common-name' | 'name' | 'fingerprint'): string {
  if (part === 'common-name') return client.commonName;
  return part === 'name' ? (client.names[0] ?? '') : client[part];
}
