// The effective configuration as it may be shown: secrets masked, quantities as they are used.
import type { Config } from './config-schema.ts';

/** Keys, in lower case, whose values are secrets wherever they stand. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  'token',
  'password',
  'password-hash',
  'secret',
  'key',
  'hmac-key',
  'authorization',
]);

const HIDDEN = '***';

/** `secretPaths` are those of values that came from variables or files, as JSON. */
export function hideSecrets(config: Config, secretPaths: ReadonlySet<string>): unknown {
  return hide(config, [], secretPaths);
}

function hide(value: unknown, path: readonly (string | number)[], secretPaths: ReadonlySet<string>): unknown {
  if (typeof value === 'string' && (secretPaths.has(JSON.stringify(pathInFile(path))) || isSecretKey(path)))
    return HIDDEN;
  if (Array.isArray(value)) return value.map((item, i) => hide(item, [...path, i], secretPaths));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hide(item, [...path, key], secretPaths)]));
}

function isSecretKey(path: readonly (string | number)[]): boolean {
  const key = path.at(-1);
  // The key of a rate limit tells clients apart and is no secret.
  return typeof key === 'string' && SECRET_KEYS.has(key.toLowerCase()) && !(key === 'key' && path.includes('options'));
}

/** Options of modules stand beside their type in the file, and in `options` here. */
function pathInFile(path: readonly (string | number)[]): readonly (string | number)[] {
  return path.filter((step) => step !== 'options' && step !== 'shared');
}
