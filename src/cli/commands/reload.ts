// `tidegate reload`: tells a running gateway to take its configuration anew.
import { type AdminOptions, adminOption, callAdmin, tokenOption } from '#cli/admin-client.ts';
import type { CommandModule } from '#cli/command.ts';
import type { ReloadResult } from '#schema/admin-schemas.ts';

export const reload: CommandModule = {
  name: 'reload',
  summary: 'Make a running gateway load its configuration again; one with problems changes nothing.',
  examples: [
    ['tidegate reload --token SECRET', 'reload, or print every problem and end with 1'],
    ['TIDEGATE_ADMIN_TOKEN=SECRET tidegate reload', 'keep the token out of the list of processes'],
  ],
  define: (command) => {
    command
      .addOption(adminOption())
      .addOption(tokenOption())
      .action(async (options: AdminOptions) => {
        const result = (await callAdmin(options, 'POST', '/reload')) as ReloadResult;
        process.stdout.write(`configuration ${result.generation} is in use\n`);
      });
  },
};
