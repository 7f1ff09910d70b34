// `tidegate status`: what a running gateway does, as text for people or JSON for programs.
import { type AdminOptions, adminOption, callAdmin } from '#cli/admin-client.ts';
import type { CommandModule } from '#cli/command.ts';
import type { GatewayStatus, RouteStatus, UpstreamStatus } from '#schema/admin-schemas.ts';

interface StatusOptions extends AdminOptions {
  readonly json?: boolean;
}

export const status: CommandModule = {
  name: 'status',
  summary: 'Show listeners, routes and endpoints of a running gateway with their health and counts.',
  examples: [
    ['tidegate status', 'the gateway whose admin API is on 127.0.0.1:9900'],
    ['tidegate status --admin 127.0.0.1:9901 --json', 'another one, as JSON'],
  ],
  define: (command) => {
    command
      .option('--json', 'print JSON')
      .addOption(adminOption())
      .action(async (options: StatusOptions) => {
        const [gateway, { upstreams }, { routes }] = (await Promise.all(
          ['/status', '/upstreams', '/routes'].map((path) => callAdmin(options, 'GET', path)),
        )) as [GatewayStatus, { upstreams: UpstreamStatus[] }, { routes: RouteStatus[] }];
        const { formatStatus } = await import('#cli/format-status.ts');
        const facts = { ...gateway, upstreams, routes };
        process.stdout.write(options.json ? `${JSON.stringify(facts, undefined, 2)}\n` : formatStatus(facts));
      });
  },
};
