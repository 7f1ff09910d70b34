// Checks a configuration file as the gateway would, without binding anything, and says what is in it.
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { configurationWarnings } from '#config/warnings.ts';
import { loadChecked } from '#server/checked-configuration.ts';
import { createSource } from '#server/configuration-source.ts';

/** Returns warnings, one a line, and a line such as `ok: 1 listener, 2 routes, 1 upstream`. Throws a `CommandError` with all problems. */
export async function checkConfiguration(file: string): Promise<string> {
  const source = createSource({ file });
  const loaded = await loadChecked(source);
  if (!loaded.ok)
    throw new CommandError(EXIT.bad, `the configuration has ${count(loaded.lines.length, 'problem')}\n${loaded.text}`);
  const { listeners, routes, upstreams } = loaded.config;
  const parts = [
    count(Object.keys(listeners).length, 'listener'),
    count(routes.length, 'route'),
    count(Object.keys(upstreams).length, 'upstream'),
  ];
  const warnings = [...configurationWarnings(loaded.config), ...loaded.warnings].map(
    (warning) => `warning: ${warning}`,
  );
  return [...warnings, `ok: ${parts.join(', ')}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
