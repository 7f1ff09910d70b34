// `tidegate version`: which Tidegate this is, on which Node.js.
import type { CommandModule } from '#cli/command.ts';
import { readVersion } from '#lib/version.ts';

export const version: CommandModule = {
  name: 'version',
  summary: 'Print the version of Tidegate and of the Node.js it runs on.',
  examples: [['tidegate version', 'tidegate 0.1.0 (Node.js 26.10.0, linux x64)']],
  define: (command) => {
    command.action(() => {
      const platform = `${process.platform} ${process.arch}`;
      process.stdout.write(`tidegate ${readVersion()} (Node.js ${process.versions.node}, ${platform})\n`);
    });
  },
};
