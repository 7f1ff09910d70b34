// The version of this program, out of its package.json.
import { readFileSync } from 'node:fs';

/** Such as `0.1.0`. Reads the file at each call. */
export function readVersion(): string {
  // Two folders up, both as src/lib in the project and as dist/lib in the published package.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
