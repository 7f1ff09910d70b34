// Builds the command line from the commands, and runs it.
import { Command, CommanderError } from 'commander';
import type { CommandModule } from './command.ts';
import { commands } from './commands/index.ts';
import { EXIT, EXIT_MEANINGS } from './exit-codes.ts';
import { describeFailure } from './failure.ts';

/** Runs one command line, given without program and script name. Prints what goes wrong; resolves with the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', passOverLostReader);
  try {
    await createProgram().parseAsync(words, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // Commander has printed its own errors and the help already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = describeFailure(error, process.env.TIDEGATE_DEBUG === '1');
    if (failure.text !== '') process.stderr.write(`${failure.text}\n`);
    return failure.exitCode;
  }
}

/** Who reads no further, such as `head`, has seen enough: that ends no gateway, and is no fault. */
function passOverLostReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('tidegate')
    .description('Load balancer, reverse proxy and API gateway in one program.')
    .usage('COMMAND [ARGUMENT ...]')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'tidegate: ')) })
    .showHelpAfterError("(try 'tidegate help')")
    .exitOverride()
    .addHelpText('after', `\n${exitCodesText()}`);
  for (const module of commands) addCommand(program, module);
  return program;
}

function addCommand(program: Command, module: CommandModule): void {
  const command = program.command(module.name).description(module.summary);
  module.define(command);
  command.showHelpAfterError(`(try 'tidegate help ${module.name}')`);
  for (const part of command.commands) part.showHelpAfterError(`(try 'tidegate ${module.name} help ${part.name()}')`);
  command.addHelpText('after', `\n${examplesText(module)}\n\n${exitCodesText()}`);
}

function examplesText({ examples }: CommandModule): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  return ['Examples:', ...examples.map(([line, effect]) => `  ${line.padEnd(width)}  ${effect}`)].join('\n');
}

function exitCodesText(): string {
  return ['Exit codes:', ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`)].join(
    '\n',
  );
}
