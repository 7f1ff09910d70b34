// `tidegate check`: tells all that is wrong with a configuration file, without running anything.
import type { CommandModule } from '#cli/command.ts';
import { findConfigurationFile } from '#cli/configuration-file.ts';

export const check: CommandModule = {
  name: 'check',
  summary: 'Check a configuration file and print every problem with its line and column.',
  examples: [
    ['tidegate check', 'check tidegate.yaml or tidegate.config.ts of this folder'],
    ['tidegate check new.yaml && tidegate reload', 'reload only what is right'],
  ],
  define: (command) => {
    command.argument('[file]', 'configuration file').action(async (named: string | undefined) => {
      const { checkConfiguration } = await import('#cli/check-configuration.ts');
      process.stdout.write(`${await checkConfiguration(findConfigurationFile(named))}\n`);
    });
  },
};
