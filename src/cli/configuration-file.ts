// Which configuration file a command means when none is named.
import { existsSync } from 'node:fs';
import { CommandError, EXIT } from './exit-codes.ts';

const FILE_NAMES = ['tidegate.yaml', 'tidegate.config.ts'] as const;

/** The named file, else the one in this folder. Throws a `CommandError` when there is none, or both. */
export function findConfigurationFile(named: string | undefined): string {
  if (named !== undefined) {
    if (!existsSync(named)) throw new CommandError(EXIT.bad, `there is no file ${named}`);
    return named;
  }
  const found = FILE_NAMES.filter((name) => existsSync(name));
  const [first] = found;
  if (first === undefined) {
    throw new CommandError(EXIT.usage, `name a configuration file: there is neither ${FILE_NAMES.join(' nor ')} here`);
  }
  if (found.length > 1) throw new CommandError(EXIT.usage, `name the file to use: here are ${found.join(' and ')}`);
  return first;
}
