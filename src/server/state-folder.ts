// Where a gateway keeps what must outlive it when its configuration names no place: certificates, accounts, the local authority.
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface FolderFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** `undefined` where there is no such thing. */
  readonly userId: number | undefined;
}

/** Absolute path of a folder that need not exist yet. */
export function stateFolder(facts: FolderFacts = systemFacts()): string {
  const { env, platform, home, userId } = facts;
  // systemd makes the folders of StateDirectory= and names them here, with colons between them.
  const [given] = env.STATE_DIRECTORY?.split(':') ?? [];
  if (given) return given;
  if (platform === 'darwin') return join(home, 'Library/Application Support/tidegate');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(home, 'AppData/Local'), 'tidegate');
  if (userId === 0) return '/var/lib/tidegate';
  // The XDG base directory specification: a relative path is to be taken for none.
  const shared = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local/share');
  return join(shared, 'tidegate');
}

function systemFacts(): FolderFacts {
  return { env: process.env, platform: process.platform, home: homedir(), userId: process.getuid?.() };
}
