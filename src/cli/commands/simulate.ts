// `tidegate simulate`: what a configuration, or another balancer, would do with traffic, without a connection opened.
import type { Command } from 'commander';
import type { CommandModule } from '#cli/command.ts';
import { findConfigurationFile } from '#cli/configuration-file.ts';
import type { SimulateWords } from '#cli/simulate/options.ts';

const BEHAVIOUR =
  'how an endpoint behaves: ADDRESS=KEY:VALUE,..., or *=... for all others; latency:20ms (mean service time), spread:exponential|none, capacity:50 (requests at once, others wait), errors:1% (answers 503), resets:1% (no answer), down:10s-20s (refuses connections); latency:2s@10s-20s holds for a time only, and so may errors and resets';

export const simulate: CommandModule = {
  name: 'simulate',
  summary:
    'Simulate an upstream of one or more configurations under traffic, and print what its endpoints and clients get.',
  examples: [
    ['tidegate simulate --balancer round-robin,least-requests', 'compare two balancers for tidegate.yaml'],
    [
      "tidegate simulate --rate 500/s --endpoint '10.0.0.2:80=latency:200ms,down:10s-20s'",
      'with one endpoint that is slow, and down for a while',
    ],
    ['tidegate simulate old.yaml new.yaml --from access.log', 'compare two configurations under recorded requests'],
    ['tidegate simulate --json --seed 7', 'figures for programs, with other chance'],
  ],
  define: (command) => {
    command
      .argument('[file...]', 'configuration files')
      .option('--balancer <names>', "balancers to compare, by commas; the configuration's own by default")
      .option('--upstream <name>', 'the upstream to look at, where there are several');
    defineTraffic(command);
    command
      .option('--endpoint <behaviour>', BEHAVIOUR, collect)
      .option('--seed <number>', 'the same seed gives the same result', '1')
      .option('--json', 'print JSON')
      .action(async (named: readonly string[], words: SimulateWords) => {
        const files = named.length > 0 ? named.map(findConfigurationFile) : [findConfigurationFile(undefined)];
        const { runSimulations } = await import('#cli/simulate/run-simulations.ts');
        process.stdout.write(await runSimulations(files, words));
      });
  },
};

/** Which requests come, and when. */
function defineTraffic(command: Command): void {
  command
    .option('--requests <number>', 'requests in all; 10000 by default, unless --duration or --from is given')
    .option('--duration <time>', 'stop sending after so long, such as 60s')
    .option('--rate <rate>', 'requests in a time', '100/s')
    .option('--arrivals <pattern>', 'poisson (by chance), constant, or bursts', 'poisson')
    .option('--burst <number>', 'requests of a burst', '100')
    .option('--from <log>', 'take requests and their times from an access log of the format json instead')
    .option('--clients <number>', 'how many clients send them', '100')
    .option('--method <method>', 'method of the requests; by default one that the route takes, like host and path')
    .option('--host <host>', 'host of the requests')
    .option('--path <path>', 'path of the requests, with or without a query')
    .option('--header <line>', 'a field of the requests; {client} in it stands for the number of the client', collect);
}

function collect(word: string, before: readonly string[] = []): readonly string[] {
  return [...before, word];
}
