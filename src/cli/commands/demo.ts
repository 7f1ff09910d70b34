// `tidegate demo`: the gateway before three real origins on this machine, with things to try.
import { InvalidArgumentError } from 'commander';
import type { CommandModule } from '#cli/command.ts';

interface DemoCommandOptions {
  readonly port: number;
  readonly adminPort: number;
  readonly traffic: boolean;
}

export const demo: CommandModule = {
  name: 'demo',
  summary: 'Show the gateway at work before three small origins on this machine.',
  examples: [
    ['tidegate demo', 'then open http://127.0.0.1:8080 and the status page on port 9900'],
    ['tidegate demo --port 8081 --admin-port 9901', 'where those ports are in use'],
  ],
  define: (command) => {
    command
      .option('--port <port>', 'port of the gateway; 0 takes a free one', parsePort, 8080)
      .option('--admin-port <port>', 'port of the admin API and the status page; 0 takes a free one', parsePort, 9900)
      .option('--no-traffic', 'send no requests but those of your own')
      .action(async (options: DemoCommandOptions) => {
        const { runDemo } = await import('#cli/demo/run-demo.ts');
        await runDemo(options);
      });
  },
};

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('Not a port: 0 to 65535.');
  return port;
}
