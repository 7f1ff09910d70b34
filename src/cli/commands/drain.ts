// `tidegate drain`: takes one endpoint of a running gateway out of service, gently, and back.
import { type AdminOptions, adminOption, callAdmin, tokenOption } from '#cli/admin-client.ts';
import type { CommandModule } from '#cli/command.ts';

interface DrainOptions extends AdminOptions {
  readonly undo?: boolean;
}

export const drain: CommandModule = {
  name: 'drain',
  summary: 'Give an endpoint no new requests; those in progress go on.',
  examples: [
    ['tidegate drain api 127.0.0.1:9001', 'let it finish, then it may be stopped'],
    ['tidegate drain api 127.0.0.1:9001 --undo', 'let it take requests again'],
  ],
  define: (command) => {
    command
      .argument('<upstream>', 'name of the upstream')
      .argument('<endpoint>', 'its endpoint, as tidegate status prints it')
      .option('--undo', 'end the draining')
      .addOption(adminOption())
      .addOption(tokenOption())
      .action(async (upstream: string, endpoint: string, options: DrainOptions) => {
        const path = `/upstreams/${encodeURIComponent(upstream)}/endpoints/${encodeURIComponent(endpoint)}/drain`;
        await callAdmin(options, options.undo ? 'DELETE' : 'POST', path);
        const effect = options.undo ? 'takes requests again' : 'drains';
        process.stdout.write(`${endpoint} of ${upstream} ${effect}\n`);
      });
  },
};
