// `tidegate certs local`: makes the local authority and tells how to trust it, or has it trusted.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { CommandError, EXIT } from '#cli/exit-codes.ts';
import { systemClock } from '#lib/clock.ts';
import { isLocalName, LOCALHOST_NAMES } from '#lib/local-names.ts';
import { silentLog } from '#lib/log.ts';
import { LocalAuthority } from '#server/certificates/local-authority.ts';
import { CertificateStore } from '#server/certificates/store.ts';
import { stateFolder } from '#server/state-folder.ts';
import { formatCommand, type MachineFacts, type TrustStep, trustSteps } from './trust.ts';

export interface LocalOptions {
  readonly storage?: string;
  readonly trust?: boolean;
}

/** Returns what to print. */
export async function makeLocal(words: readonly string[], options: LocalOptions): Promise<string> {
  const names = words.map((word) => word.toLowerCase());
  const wrong = names.find((name) => !isLocalName(name));
  if (wrong !== undefined)
    throw new CommandError(EXIT.usage, `${wrong} is no local name, such as shop.localhost or shop.test`);
  const folder = options.storage === undefined ? join(stateFolder(), 'certificates') : resolve(options.storage);
  const authority = await open(folder);
  const { notAfter } = await authority.certify([...new Set([...LOCALHOST_NAMES, ...names])]);
  const steps = trustSteps(authority.file, machineFacts());
  const done = options.trust ? runSteps(steps) : [];
  return [
    `${authority.isNew ? 'made a local authority' : 'the local authority is there'}: ${authority.file}`,
    'It can vouch for local names and private addresses only.',
    `A certificate for ${[...LOCALHOST_NAMES, ...names].join(', ')} is ready, until ${new Date(notAfter).toISOString().slice(0, 10)}.`,
    '',
    ...describeUse(names, options.storage),
    '',
    ...describeSteps(steps, done, authority.file),
    '',
  ].join('\n');
}

async function open(folder: string): Promise<LocalAuthority> {
  try {
    return await LocalAuthority.open(new CertificateStore(folder, { log: silentLog, clock: systemClock }), systemClock);
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new CommandError(
      EXIT.bad,
      `${folder} cannot be used: ${error.message}. Name another folder: --storage FOLDER`,
    );
  }
}

function describeUse(names: readonly string[], storage: string | undefined): readonly string[] {
  const value = names.length === 0 ? 'true' : `[${names.join(', ')}]`;
  return [
    'Use it:',
    '  listeners:',
    `    secure: { address: 127.0.0.1:8443, tls: { certificates: [{ local: ${value} }] } }`,
    ...(storage === undefined ? [] : [`  certificates: { storage: ${resolve(storage)} }`]),
  ];
}

function describeSteps(steps: readonly TrustStep[], done: readonly TrustStep[], file: string): readonly string[] {
  const rest = steps.filter((step) => !done.includes(step));
  return [
    ...done.map(({ where }) => `Trusted by ${where}.`),
    ...(rest.length > 0 ? ['To trust it:'] : []),
    ...rest.flatMap(({ where, commands, isPossible }) => [
      `  ${where}`,
      ...commands.map((words) => `    ${isPossible || words[0] === 'certutil' ? '' : 'sudo '}${formatCommand(words)}`),
    ]),
    '  Firefox: Settings, Certificates, Authorities, Import',
    `  a single program: curl --cacert ${formatCommand([file])}; NODE_EXTRA_CA_CERTS=${formatCommand([file])}`,
  ];
}

/** Runs what this user may run; returns that. */
function runSteps(steps: readonly TrustStep[]): readonly TrustStep[] {
  const possible = steps.filter(({ isPossible }) => isPossible);
  for (const { where, commands } of possible) {
    for (const [program = '', ...args] of commands) {
      try {
        execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      } catch (error) {
        throw new CommandError(EXIT.bad, `${where}: ${formatCommand([program, ...args])} failed`, { cause: error });
      }
    }
  }
  return possible;
}

function machineFacts(): MachineFacts {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/sbin');
  return {
    platform: process.platform,
    home: homedir(),
    isRoot: process.getuid?.() === 0,
    hasProgram: (name) => folders.some((folder) => isExecutable(join(folder, name))),
    exists: existsSync,
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
