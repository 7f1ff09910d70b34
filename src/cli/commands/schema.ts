// `tidegate schema`: the JSON Schema of configuration files, for editors.
import type { CommandModule } from '#cli/command.ts';

export const schema: CommandModule = {
  name: 'schema',
  summary: 'Print the JSON Schema of configuration files, for completion and checks in editors.',
  examples: [
    [
      'tidegate schema > tidegate.schema.json',
      'then begin a file with: # yaml-language-server: $schema=tidegate.schema.json',
    ],
  ],
  define: (command) => {
    command.action(async () => {
      const { configurationJsonSchema } = await import('#config/json-schema.ts');
      process.stdout.write(`${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`);
    });
  },
};
