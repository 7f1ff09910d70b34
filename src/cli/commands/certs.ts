// `tidegate certs`: the certificates of a running gateway, and the local authority of this user.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AdminOptions, adminOption, callAdmin, tokenOption } from '#cli/admin-client.ts';
import type { LocalOptions } from '#cli/certs/local.ts';
import type { CommandModule } from '#cli/command.ts';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { systemClock } from '#lib/clock.ts';
import type { CertificateStatus } from '#schema/admin-schemas.ts';
import { parseDuration } from '#schema/units.ts';

/** An order may take minutes, as proofs by DNS do; fetch itself waits for no answer longer than five. */
const MAX_WAIT_MS = 290_000;

interface ListOptions extends AdminOptions {
  readonly json?: boolean;
}

interface OrderOptions extends AdminOptions {
  /** In milliseconds. */
  readonly wait: number;
}

interface UploadOptions extends AdminOptions {
  readonly cert: string;
  readonly key: string;
}

export const certs: CommandModule = {
  name: 'certs',
  summary: 'List, issue, renew and upload certificates of a running gateway; make a local authority for development.',
  examples: [
    ['tidegate certs list', 'names, issuers, when they expire and are renewed'],
    ['tidegate certs renew www.example.com', 'renew now, and say why it cannot be'],
    ['tidegate certs upload secure www --cert www.pem --key www.key', 'put a pair in use for the listener secure'],
    ['tidegate certs local', 'a certificate for https://localhost, and how to trust it'],
  ],
  define: (command) => {
    defineList(command);
    defineOrder(
      command,
      'issue',
      'have a certificate issued for a name that has none, of the configuration or on demand',
    );
    defineOrder(command, 'renew', 'renew the certificates by ACME that are for a name');
    defineReload(command);
    defineUpload(command);
    defineRemove(command);
    defineLocal(command);
  },
};

function defineList(command: Command): void {
  command
    .command('list')
    .description('print the certificates of all listeners')
    .option('--json', 'print JSON')
    .addOption(adminOption())
    .action(async (options: ListOptions) => {
      const list = (await callAdmin(options, 'GET', '/certificates')) as { certificates: CertificateStatus[] };
      const { formatCertificates } = await import('#cli/certs/format-certificates.ts');
      process.stdout.write(
        options.json
          ? `${JSON.stringify(list, undefined, 2)}\n`
          : formatCertificates(list.certificates, systemClock.wall()),
      );
    });
}

function defineOrder(command: Command, verb: 'issue' | 'renew', description: string): void {
  const order = command
    .command(verb)
    .description(description)
    .argument('<name>', 'a name that it is for')
    .addOption(
      new Option(
        '--wait <duration>',
        'how long to wait for the outcome, which the gateway sees to whether or not anybody waits',
      )
        .default(MAX_WAIT_MS, '290s')
        .argParser(parseWait),
    );
  changing(order).action(async (name: string, options: OrderOptions) => {
    const path = `/certificates/${verb}?name=${encodeURIComponent(name)}`;
    await callAdmin(options, 'POST', path, { timeoutMs: options.wait, unfinished: unfinishedOrder(name) });
    process.stdout.write(`a certificate for ${name} is in use\n`);
  });
}

function parseWait(text: string): number {
  const ms = parseDuration(text);
  if (typeof ms === 'string' || ms < 1 || ms > MAX_WAIT_MS)
    throw new InvalidArgumentError('Not a duration such as 30s, of 290s at most.');
  return Math.ceil(ms);
}

function unfinishedOrder(name: string): string {
  return [
    `the gateway is still at work on the certificate for ${name}, and goes on without this command`,
    `How it ends is said by 'tidegate certs list' and by the log of the gateway ("a certificate was issued", "was renewed" or "could not be").`,
    'As long as it lasts, the same command waits for the same order.',
  ].join('\n');
}

function defineReload(command: Command): void {
  const reload = command.command('reload').description('take certificate files that have changed now');
  changing(reload).action(async (options: AdminOptions) => {
    const { problems } = (await callAdmin(options, 'POST', '/certificates/reload')) as { problems: readonly string[] };
    if (problems.length > 0) throw new CommandError(EXIT.bad, problems.join('\n'));
    process.stdout.write('the certificates of all files are in use\n');
  });
}

function defineUpload(command: Command): void {
  const upload = command
    .command('upload')
    .description('put a pair in use for a listener, and keep it for later starts')
    .argument('<listener>', 'name of a listener with TLS')
    .argument('<name>', 'what to keep it as; one of the same name is replaced')
    .requiredOption('--cert <file>', 'certificate in PEM, with intermediate authorities behind it')
    .requiredOption('--key <file>', 'its private key in PEM');
  changing(upload).action(async (listener: string, name: string, options: UploadOptions) => {
    const content = { certificate: readText(options.cert), key: readText(options.key) };
    await callAdmin(options, 'PUT', uploadPath(listener, name), { content });
    process.stdout.write(`${name} is in use for ${listener}\n`);
  });
}

function defineRemove(command: Command): void {
  const remove = command
    .command('remove')
    .description('take an uploaded certificate away')
    .argument('<listener>', 'name of the listener')
    .argument('<name>', 'what it was uploaded as');
  changing(remove).action(async (listener: string, name: string, options: AdminOptions) => {
    await callAdmin(options, 'DELETE', uploadPath(listener, name));
    process.stdout.write(`${name} is gone from ${listener}\n`);
  });
}

function defineLocal(command: Command): void {
  command
    .command('local')
    .description('make an authority for local names, once, and tell how to trust it')
    .argument('[name...]', 'further local names, such as shop.localhost')
    .option('--storage <folder>', 'certificates.storage of the configuration, where it is set')
    .option('--trust', 'have this machine trust it, as far as you may')
    .action(async (names: readonly string[], options: LocalOptions) => {
      const { makeLocal } = await import('#cli/certs/local.ts');
      process.stdout.write(await makeLocal(names, options));
    });
}

/** For calls that need the token. */
function changing(command: Command): Command {
  return command.addOption(adminOption()).addOption(tokenOption());
}

function uploadPath(listener: string, name: string): string {
  return `/listeners/${encodeURIComponent(listener)}/certificates/${encodeURIComponent(name)}`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
}
