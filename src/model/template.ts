// Texts with variables: `${client.address}` and the like, compiled once, filled in for each exchange.

import { cookieValue } from '#http/cookies.ts';
import { queryParameter } from '#http/query.ts';
import { nearest } from '#lib/nearest.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { Exchange } from './exchange.ts';
import type { Response } from './message.ts';

export type Template = (exchange: Exchange, response?: Response) => string;

interface Variable {
  readonly description: string;
  readonly read: Template;
}

/** Variables without a parameter. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  'client.address': {
    description: 'Address of the client, as far as trusted proxies tell it.',
    read: (e) => e.clientAddress,
  },
  'client.port': { description: 'Port of the connection.', read: (e) => String(e.connection.remotePort) },
  'request.id': { description: 'Identity of the exchange.', read: (e) => e.id },
  'request.method': { description: 'Method.', read: (e) => e.request.method },
  'request.scheme': { description: '`http` or `https`, as the client used it.', read: (e) => e.request.scheme },
  'request.authority': { description: 'Host and port as the client named them.', read: (e) => e.request.authority },
  'request.host': { description: 'Host in lower case, without port.', read: (e) => e.request.host },
  'request.path': { description: 'Normalised path.', read: (e) => e.request.path },
  'request.query': { description: '`?` and the query, or nothing.', read: (e) => e.request.query },
  'request.target': { description: 'Path and query.', read: (e) => e.request.path + e.request.query },
  'client.certificate.subject': {
    description: 'Subject of the certificate that the client has proved to be its own (RFC 4514); empty without one.',
    read: (e) => e.connection.tls?.client?.subject ?? '',
  },
  'client.certificate.common-name': {
    description: 'Common name in that subject.',
    read: (e) => e.connection.tls?.client?.commonName ?? '',
  },
  'client.certificate.name': {
    description: 'First name of subjectAltName of that certificate.',
    read: (e) => e.connection.tls?.client?.names[0] ?? '',
  },
  'client.certificate.issuer': {
    description: 'Who has issued it.',
    read: (e) => e.connection.tls?.client?.issuer ?? '',
  },
  'client.certificate.serial': {
    description: 'Its serial number, in hexadecimal.',
    read: (e) => e.connection.tls?.client?.serialNumber ?? '',
  },
  'client.certificate.fingerprint': {
    description: 'Its SHA-256, in hexadecimal.',
    read: (e) => e.connection.tls?.client?.fingerprint ?? '',
  },
  'tls.version': { description: 'Version of TLS, such as `TLSv1.3`.', read: (e) => e.connection.tls?.version ?? '' },
  'tls.cipher': { description: 'Cipher suite.', read: (e) => e.connection.tls?.cipher ?? '' },
  'tls.sni': {
    description: 'Name that the TLS client has asked for.',
    read: (e) => e.connection.tls?.serverName ?? '',
  },
  'tls.alpn': { description: 'Protocol that TLS has agreed on.', read: (e) => e.connection.tls?.alpn ?? '' },
  'route.name': { description: 'Name of the route.', read: (e) => e.route?.name ?? '' },
  'upstream.name': { description: 'Name of the upstream.', read: (e) => e.upstream?.name ?? '' },
  'endpoint.name': { description: 'Name of the endpoint.', read: (e) => e.endpoint?.name ?? '' },
  'listener.name': { description: 'Name of the listener.', read: (e) => e.connection.listener },
  'response.status': { description: 'Status of the response.', read: (e, r) => String(r?.status ?? e.status) },
  consumer: { description: 'Who the client proved to be.', read: (e) => e.consumer },
};

/** Variables with a parameter behind the prefix. */
export const PARAMETERISED: Readonly<
  Record<string, { readonly description: string; readonly read: (name: string) => Template }>
> = {
  'request.header.': {
    description: 'Field of the request.',
    read: (name) => (e) => e.request.fields.get(name.toLowerCase()) ?? '',
  },
  'request.query.': {
    description: 'Parameter of the query, decoded.',
    read: (name) => (e) => queryParameter(e.request.query, name) ?? '',
  },
  'request.cookie.': {
    description: 'Cookie of the request.',
    read: (name) => (e) => cookieValue(e.request.fields.get('cookie'), name),
  },
  'path.': {
    description: 'Parameter of the matched path; `path.*` is the rest.',
    read: (name) => (e) => e.pathParameters?.get(name) ?? '',
  },
};

/**
 * Compiles `text`; `$$` stands for one `$`. Control characters in values are dropped, so that no value can end a line. Throws a
 * `ConfigurationError` for a variable that does not exist.
 */
export function compileTemplate(text: string): Template {
  const parts: (string | Template)[] = [];
  let last = 0;
  for (const match of text.matchAll(/\$\$|\$\{([^}]*)\}/g)) {
    parts.push(text.slice(last, match.index));
    parts.push(match[0] === '$$' ? '$' : compileVariable(match[1] as string));
    last = match.index + match[0].length;
  }
  parts.push(text.slice(last));
  if (parts.every((part) => typeof part === 'string')) {
    const constant = parts.join('');
    return () => constant;
  }
  return (exchange, response) =>
    parts.map((part) => (typeof part === 'string' ? part : printable(part(exchange, response)))).join('');
}

/** What is wrong with a template, or `undefined`. */
export function templateProblem(text: string): string | undefined {
  try {
    compileTemplate(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function compileVariable(name: string): Template {
  const variable = VARIABLES[name];
  if (variable) return variable.read;
  for (const [prefix, { read }] of Object.entries(PARAMETERISED)) {
    if (name.startsWith(prefix) && name.length > prefix.length) return read(name.slice(prefix.length));
  }
  const near = nearest(name, Object.keys(VARIABLES));
  throw new ConfigurationError(`there is no variable \${${name}}${near ? `; did you mean \${${near}}?` : ''}`);
}

function printable(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what is dropped
  return value.replace(/[\x00-\x1f\x7f]/g, '').replace(/[^\x00-\xff]+/g, encodeURIComponent);
}
