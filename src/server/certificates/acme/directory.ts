// What an ACME server says of itself and of its objects, read with care: only what is used, each field of its right type.
import { isIP } from 'node:net';

/** RFC 8555 section 7.1.1, and `renewalInfo` of RFC 9773. */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
  readonly needsBinding: boolean;
  /** Profiles by name, with what they mean. */
  readonly profiles: readonly string[];
}

/** RFC 8555 section 7.1.3. */
export interface Order {
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly error: unknown;
}

/** RFC 8555 section 7.1.4. */
export interface Authorization {
  /** In lower case; without `*.` where it is for a wildcard. */
  readonly name: string;
  readonly isWildcard: boolean;
  readonly status: string;
  readonly challenges: readonly Challenge[];
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly status: string;
  readonly token: string;
  readonly error: unknown;
}

export interface RenewalWindow {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** Where a person can read why; '' when nowhere. */
  readonly explanation: string;
}

/** RFC 8555 section 8.3: the token is of the base64url alphabet, and so can be neither a path nor a line of its own. */
const TOKEN = /^[A-Za-z0-9_-]{1,256}$/;

type Fields = Readonly<Record<string, unknown>>;

export function readDirectory(value: unknown): Directory {
  const fields = fieldsOf(value, 'the directory');
  const meta = typeof fields.meta === 'object' && fields.meta !== null ? (fields.meta as Fields) : {};
  return {
    newNonce: url(fields, 'newNonce'),
    newAccount: url(fields, 'newAccount'),
    newOrder: url(fields, 'newOrder'),
    renewalInfo: fields.renewalInfo === undefined ? undefined : url(fields, 'renewalInfo'),
    termsOfService: typeof meta.termsOfService === 'string' ? meta.termsOfService : undefined,
    needsBinding: meta.externalAccountRequired === true,
    profiles: typeof meta.profiles === 'object' && meta.profiles !== null ? Object.keys(meta.profiles) : [],
  };
}

export function readOrder(value: unknown): Order {
  const fields = fieldsOf(value, 'the order');
  const { authorizations } = fields;
  if (!Array.isArray(authorizations) || !authorizations.every(isUrl))
    throw new Error('the order of the ACME server has no list of authorizations');
  return {
    status: text(fields, 'status'),
    authorizations,
    finalize: url(fields, 'finalize'),
    certificate: fields.certificate === undefined ? undefined : url(fields, 'certificate'),
    error: fields.error,
  };
}

export function readAuthorization(value: unknown): Authorization {
  const fields = fieldsOf(value, 'the authorization');
  const { challenges } = fields;
  const identifier = fieldsOf(fields.identifier, 'the identifier of the authorization');
  return {
    name: text(identifier, 'value').toLowerCase(),
    isWildcard: fields.wildcard === true,
    status: text(fields, 'status'),
    challenges: (Array.isArray(challenges) ? challenges : []).map(readChallenge),
  };
}

function readChallenge(value: unknown): Challenge {
  const fields = fieldsOf(value, 'a challenge');
  const { token = '' } = fields;
  return {
    type: text(fields, 'type'),
    url: url(fields, 'url'),
    status: text(fields, 'status'),
    token: typeof token === 'string' && TOKEN.test(token) ? token : '',
    error: fields.error,
  };
}

/** RFC 9773 section 4.2. */
export function readRenewalWindow(value: unknown): RenewalWindow {
  const fields = fieldsOf(value, 'the renewal information');
  const suggested = fieldsOf(fields.suggestedWindow, 'the renewal window');
  const start = Date.parse(text(suggested, 'start'));
  const end = Date.parse(text(suggested, 'end'));
  // "A RenewalInfo object in which the end timestamp equals or precedes the start timestamp is invalid."
  if (!(end > start)) throw new Error('the renewal window of the ACME server does not end after it begins');
  return { start, end, explanation: typeof fields.explanationURL === 'string' ? fields.explanationURL : '' };
}

/** RFC 8555 section 9.7.7 and RFC 8738. */
export function identifierOf(name: string): { readonly type: 'dns' | 'ip'; readonly value: string } {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name };
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`${what} of the ACME server is no object`);
  return value as Fields;
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string') throw new Error(`the ACME server gave no ${key}`);
  return value;
}

function url(fields: Fields, key: string): string {
  const value = text(fields, key);
  if (!isUrl(value)) throw new Error(`the ${key} of the ACME server is no URL`);
  return value;
}

function isUrl(value: unknown): value is string {
  return typeof value === 'string' && URL.canParse(value) && /^https?:/.test(value);
}
