// Where in the store things are: relative paths that are safe whatever names they are made of.
import { createHash } from 'node:crypto';
import type { KeyType } from './key-type.ts';

/** Has a folder for each ACME server. */
export const ACME_FOLDER = 'acme';
export const LOCAL_FOLDER = 'local';
/** The local authority itself, with its key. */
export const AUTHORITY_PLACE = `${LOCAL_FOLDER}/authority.pem`;

/** Of one ACME server. */
export function authorityPlace(directoryUrl: string): string {
  const { host, pathname } = new URL(directoryUrl);
  return `${ACME_FOLDER}/${readable(`${host}${pathname}`)}-${digest(directoryUrl)}`;
}

export function accountPlace(directoryUrl: string): string {
  return `${authorityPlace(directoryUrl)}/account.json`;
}

/** The names of what was issued on demand, one a line. */
export function onDemandPlace(directoryUrl: string): string {
  return `${authorityPlace(directoryUrl)}/on-demand.txt`;
}

/** Without an extension, as more than one file belongs to it. */
export function issuedPlace(directoryUrl: string, names: readonly string[], keyType: KeyType): string {
  const [first = ''] = names;
  return `${authorityPlace(directoryUrl)}/${readable(first)}-${digest(JSON.stringify([names.toSorted(), keyType]))}`;
}

/** Of a certificate by the local authority; another authority makes it another one. */
export function localPlace(authority: string, names: readonly string[]): string {
  const [first = ''] = names;
  return `${LOCAL_FOLDER}/${readable(first)}-${digest(JSON.stringify([authority, names.toSorted()]))}.pem`;
}

/** Of what the admin API was given for a listener. */
export function uploadFolder(listener: string): string {
  return `uploads/${readable(listener)}-${digest(listener)}`;
}

/** Whether something may be called so: it becomes the name of a file. */
export function isUploadName(name: string): boolean {
  return /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$/.test(name);
}

/** For people that look into the folder; what tells places apart is the digest. */
function readable(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/\*/g, 'wildcard')
    .replace(/[^a-z0-9.]+/g, '-');
  return plain.replace(/^[.-]+|[.-]+$/g, '').slice(0, 80);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
