// An option that takes PEM: a file by its path, or the text itself, which is what ${file:…} and ${env:…} make of it.
import { resolve } from 'node:path';

/** Whether it is the text. */
export function isText(option: string): boolean {
  // No path has lines; what a reference gives has, also when it is something else than PEM.
  return option.includes('-----BEGIN ') || option.includes('\n');
}

/** The absolute path; `undefined` for a text. */
export function pathOf(option: string, folder: string): string | undefined {
  return isText(option) ? undefined : resolve(folder, option);
}

/** What to call it in a message: a text may be a secret. */
export function nameOf(option: string): string {
  return isText(option) ? 'the text' : option;
}
