// The registry of commands, in the order help shows them. A new command is a file here and a line below.
import type { CommandModule } from '#cli/command.ts';
import { certs } from './certs.ts';
import { check } from './check.ts';
import { demo } from './demo.ts';
import { drain } from './drain.ts';
import { reload } from './reload.ts';
import { run } from './run.ts';
import { schema } from './schema.ts';
import { simulate } from './simulate.ts';
import { status } from './status.ts';
import { version } from './version.ts';

export const commands: readonly CommandModule[] = [
  run,
  check,
  simulate,
  demo,
  status,
  reload,
  drain,
  certs,
  schema,
  version,
];
