// What the certificates of listeners and the section `certificates` say of each other.
import { isIP } from 'node:net';
import type { ConfigurationProblem } from '#model/configuration-error.ts';
import type { AcmeConfig } from './certificates-schema.ts';
import type { Config, ListenerConfig } from './config-schema.ts';

type Path = readonly (string | number)[];
type CertificateConfig = NonNullable<ListenerConfig['tls']>['certificates'][number];

export function* certificateProblems(config: Config): Generator<ConfigurationProblem> {
  const { acme } = config.certificates;
  if (acme) yield* acmeProblems(acme, config);
  for (const [name, { tls }] of Object.entries(config.listeners)) {
    for (const [i, certificate] of (tls?.certificates ?? []).entries())
      yield* entryProblems(certificate, acme, ['listeners', name, 'tls', 'certificates', i]);
  }
}

function* acmeProblems(acme: AcmeConfig, config: Config): Generator<ConfigurationProblem> {
  const path: Path = ['certificates', 'acme'];
  if (!acme['agree-to-terms'])
    yield {
      path: [...path, 'agree-to-terms'],
      message:
        'must be true: without your agreement to its terms, which it links in its directory, no authority issues',
    };
  const isByDns = acme.challenge === 'dns-01';
  if (isByDns && !acme.dns) yield { path, message: 'challenge: dns-01 needs dns with the command of a hook' };
  if (!isByDns && acme.dns) yield { path: [...path, 'dns'], message: 'is for challenge: dns-01' };
  if (acme['renew-at'] === 0) yield { path: [...path, 'renew-at'], message: 'must be more than 0%' };
  const onDemand = acme['on-demand'];
  if (onDemand && onDemand.allow.length === 0 && onDemand.ask === undefined)
    yield {
      path: [...path, 'on-demand'],
      message: 'needs allow or ask: else anybody could have certificates issued for names of others',
    };
  const listeners = Object.values(config.listeners);
  if (acme.challenge === 'http-01' && !listeners.some(({ protocol, tls }) => protocol === 'http' && !tls))
    yield {
      path: [...path, 'challenge'],
      message: 'http-01 is answered by a listener without tls, and there is none: add one, or take tls-alpn-01',
    };
}

function* entryProblems(
  { cert, key, acme, local }: CertificateConfig,
  settings: AcmeConfig | undefined,
  path: Path,
): Generator<ConfigurationProblem> {
  const ways = [cert !== undefined || key !== undefined, acme !== undefined, local !== undefined];
  if (ways.filter((way) => way).length !== 1)
    yield { path, message: 'needs exactly one of cert with its key, acme, and local' };
  else if ((cert === undefined) !== (key === undefined))
    yield { path, message: `needs ${cert === undefined ? 'the cert to its key' : 'the key to its cert'}` };
  if (local === false) yield { path: [...path, 'local'], message: 'is true, or a list of names' };
  if (acme === undefined) return;
  if (!settings) {
    yield {
      path: [...path, 'acme'],
      message: 'needs certificates.acme, which says of whom, and that you agree to terms',
    };
  } else if (acme === 'on-demand') {
    if (!settings['on-demand'])
      yield {
        path: [...path, 'acme'],
        message: 'on-demand needs certificates.acme.on-demand, which says for what names',
      };
  } else {
    yield* nameProblems(acme, settings, [...path, 'acme']);
  }
}

function* nameProblems(
  names: readonly string[],
  { challenge }: AcmeConfig,
  path: Path,
): Generator<ConfigurationProblem> {
  if (names.length === 0) yield { path, message: 'needs at least one name' };
  for (const [i, name] of names.entries()) {
    const at = [...path, i];
    // RFC 8555 section 8.3 and RFC 8737 prove single names only; RFC 8738 section 7 has no proof by DNS for addresses.
    if (name.startsWith('*.') && challenge !== 'dns-01')
      yield { path: at, message: `"${name}" can be proved by challenge: dns-01 only` };
    if (isIP(name) !== 0 && challenge === 'dns-01')
      yield { path: at, message: `"${name}" is an address, which dns-01 cannot prove` };
    if (names.indexOf(name) < i) yield { path: at, message: `"${name}" is listed twice` };
  }
}
