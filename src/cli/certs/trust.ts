// How clients of this machine come to trust the local authority: which commands do it where, and which of them can be run now.

export const AUTHORITY_NAME = 'Tidegate local authority';

export interface MachineFacts {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly isRoot: boolean;
  /** Whether a program is on the PATH. */
  hasProgram(name: string): boolean;
  exists(path: string): boolean;
}

export interface TrustStep {
  /** Who trusts it then. */
  readonly where: string;
  /** One after the other. */
  readonly commands: readonly (readonly string[])[];
  /** Whether this user may, on this machine. */
  readonly isPossible: boolean;
}

/** `file` is the certificate of the authority. */
export function trustSteps(file: string, facts: MachineFacts): readonly TrustStep[] {
  if (facts.platform === 'darwin') return macSteps(file, facts);
  if (facts.platform === 'win32')
    return [{ where: 'Windows', commands: [['certutil', '-addstore', '-user', 'Root', file]], isPossible: true }];
  return [...systemSteps(file, facts), ...browserSteps(file, facts)];
}

function macSteps(file: string, { home }: MachineFacts): readonly TrustStep[] {
  const keychain = `${home}/Library/Keychains/login.keychain-db`;
  const command = ['security', 'add-trusted-cert', '-r', 'trustRoot', '-k', keychain, file];
  return [{ where: 'macOS', commands: [command], isPossible: true }];
}

/** Those of Debian, of Red Hat, and of systems with p11-kit alone. */
const SYSTEMS = [
  { program: 'update-ca-certificates', folder: '/usr/local/share/ca-certificates' },
  { program: 'update-ca-trust', folder: '/etc/pki/ca-trust/source/anchors' },
] as const;

function systemSteps(file: string, { isRoot, hasProgram }: MachineFacts): readonly TrustStep[] {
  const system = SYSTEMS.find(({ program }) => hasProgram(program));
  const where = 'the system: curl and most programs';
  if (system) {
    const copy = ['install', '-m', '644', file, `${system.folder}/tidegate-local-authority.crt`];
    return [{ where, commands: [copy, [system.program]], isPossible: isRoot }];
  }
  return hasProgram('trust') ? [{ where, commands: [['trust', 'anchor', '--store', file]], isPossible: isRoot }] : [];
}

/** Chrome and Firefox have stores of their own on Linux. */
function browserSteps(file: string, { home, hasProgram, exists }: MachineFacts): readonly TrustStep[] {
  const folder = `${home}/.pki/nssdb`;
  const command = ['certutil', '-d', `sql:${folder}`, '-A', '-t', 'C,,', '-n', AUTHORITY_NAME, '-i', file];
  const isPossible = hasProgram('certutil') && exists(folder);
  return [{ where: 'Chrome and Chromium (certutil is in libnss3-tools)', commands: [command], isPossible }];
}

/** Words of a command line; quoted where a shell needs it. */
export function formatCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
