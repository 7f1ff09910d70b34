// The reference page of the command line, made from the same definitions as its help.
import type { Command } from 'commander';
import { commands } from './commands/index.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** Markdown for docs/reference/cli.md. */
export function cliReference(): string {
  const program = createProgram();
  const sections = commands.map((module) => {
    const command = program.commands.find((candidate) => candidate.name() === module.name);
    if (!command) throw new Error(`the command ${module.name} is not registered`);
    return commandSection(command, module.examples);
  });
  return `# Command line

Generated from the program's own help.

${sections.join('\n')}
## Exit codes

| code | meaning |
|---|---|
${EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')}

With \`TIDEGATE_DEBUG=1\` in the environment an error comes with its stack trace.
`;
}

function commandSection(command: Command, examples: readonly (readonly [string, string])[]): string {
  const help = command.createHelp();
  const parts = help.visibleCommands(command).filter((part) => part.name() !== 'help');
  return `## tidegate ${command.name()}

${command.description()}

${usageTable(command, `tidegate ${command.name()}`)}${parts
  .map((part) => `\n${part.description()}:\n\n${usageTable(part, `tidegate ${command.name()} ${part.name()}`)}`)
  .join('')}
\`\`\`sh
${examples.map(([line, effect]) => `${line}  # ${effect}`).join('\n')}
\`\`\`
`;
}

/** The command line, and what can stand in it. */
function usageTable(command: Command, line: string): string {
  const help = command.createHelp();
  const rows = [
    ...help.visibleArguments(command).map((argument) => row(argument.name(), help.argumentDescription(argument))),
    ...help.visibleOptions(command).map((option) => row(option.flags, help.optionDescription(option))),
  ];
  return `\`${line} ${command.usage()}\`

| argument or option | meaning |
|---|---|
${rows.join('\n')}
`;
}

function row(term: string, description: string): string {
  return `| \`${term}\` | ${description.replaceAll('|', '\\|')} |`;
}
