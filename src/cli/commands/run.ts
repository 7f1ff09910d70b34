// `tidegate run`: the gateway itself, in the foreground until a signal ends it.
import type { CommandModule } from '#cli/command.ts';
import { findConfigurationFile } from '#cli/configuration-file.ts';
import { CommandError, EXIT } from '#cli/exit-codes.ts';

export const run: CommandModule = {
  name: 'run',
  summary: 'Run the gateway with a configuration file.',
  examples: [
    ['tidegate run', 'with tidegate.yaml or tidegate.config.ts of this folder'],
    ['tidegate run /etc/tidegate.yaml', 'with that file'],
    ['kill -HUP PID', 'reload; saving the file or tidegate reload do the same'],
    ['kill -USR1 PID', 'open access logs anew, after they were moved away'],
    ['kill -TERM PID', 'finish what is in progress, then end'],
  ],
  define: (command) => {
    command.argument('[file]', 'configuration file').action(async (named: string | undefined) => {
      const file = findConfigurationFile(named);
      const { startGateway } = await import('#server/gateway.ts');
      const gateway = await startGateway({ file });
      const exitCode = await gateway.stopped;
      if (exitCode !== EXIT.ok) throw new CommandError(exitCode, '');
    });
  },
};
