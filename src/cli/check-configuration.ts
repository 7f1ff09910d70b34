// Checks a configuration file as the gateway would, without binding anything, and says what is in it.
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { configurationWarnings } from '#config/warnings.ts';
import { createSource } from '#server/configuration-source.ts';
import { tryCompile } from '#server/try-compile.ts';

/** Returns warnings, one a line, and a line such as `ok: 1 listener, 2 routes, 1 upstream`. Throws a `CommandError` with all problems. */
export async function checkConfiguration(file: string): Promise<string> {
  const source = createSource({ file });
  const loaded = await source.load();
  const result = loaded.ok ? await tryCompile(loaded.config, source) : loaded;
  if (!result.ok)
    throw new CommandError(EXIT.bad, `the configuration has ${count(result.lines.length, 'problem')}\n${result.text}`);
  if (!loaded.ok) return '';
  const { listeners, routes, upstreams } = loaded.config;
  const parts = [
    count(Object.keys(listeners).length, 'listener'),
    count(routes.length, 'route'),
    count(Object.keys(upstreams).length, 'upstream'),
  ];
  const warnings = configurationWarnings(loaded.config).map((warning) => `warning: ${warning}`);
  return [...warnings, `ok: ${parts.join(', ')}`].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
