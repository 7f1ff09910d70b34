// Makes the npm package: build/package with compiled code (Node.js strips no types under node_modules), then
// build/tidegate-VERSION.tgz. Prints the path of the latter.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BUILD = join(ROOT, 'build');
const TARGET = join(BUILD, 'package');

/** Files that go into the package as they are. The launcher reads scripts/find-node.sh. */
const COPIED = ['bin/tidegate', 'scripts/find-node.sh', 'README.md', 'CHANGELOG.md', 'LICENSE'];

/** Parts of our own package.json that are as true of the published one. */
const KEPT = [
  'name',
  'version',
  'description',
  'license',
  'type',
  'engines',
  'bin',
  'dependencies',
  'optionalDependencies',
];

function compile(): void {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = join(ROOT, 'scripts/tsconfig.package.json');
  execFileSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
}

/** Copies what stands beside the code and is not code, such as the status page. */
function copyAssets(): void {
  const source = join(ROOT, 'src');
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    copy(path, join(TARGET, 'dist', path.slice(source.length + 1)));
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

function writeManifest(): void {
  const own: Record<string, unknown> = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const manifest = {
    ...Object.fromEntries(KEPT.map((key) => [key, own[key]])),
    files: ['dist', 'bin', 'scripts', 'CHANGELOG.md'],
    imports: { '#*.ts': './dist/*.js' },
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
  };
  writeFileSync(join(TARGET, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function pack(): string {
  const options = ['pack', '--silent', '--ignore-scripts', '--pack-destination', BUILD];
  const name = execFileSync('npm', options, { cwd: TARGET, encoding: 'utf8' }).trim();
  return join(BUILD, name);
}

rmSync(TARGET, { recursive: true, force: true });
compile();
copyAssets();
for (const path of COPIED) copy(join(ROOT, path), join(TARGET, path));
writeManifest();
console.log(pack());
