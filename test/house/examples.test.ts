// Keeps the examples of the pages true: the code compiles against the sources, the configuration passes the check.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = mkdtempSync(join(tmpdir(), 'tidegate-examples-'));

after(() => rmSync(FOLDER, { recursive: true }));

/** The code blocks of a page in one language, without the indentation of the list they may stand in. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const fence = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\``, 'gms');
  return [...text.matchAll(fence)].map(([, indent = '', code = '']) =>
    code.replaceAll(`\n${indent}`, '\n').slice(indent.length),
  );
}

test('the modules in CONTRIBUTING.md compile', () => {
  const modules = blocks('CONTRIBUTING.md', 'ts');
  assert.equal(modules.length, 3);
  for (const [index, code] of modules.entries()) writeFileSync(join(FOLDER, `module-${index}.ts`), code);
  const project = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { paths: { '#*': [join(ROOT, 'src/*')] }, typeRoots: [join(ROOT, 'node_modules/@types')] },
    include: ['*.ts'],
  };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(project));
  writeFileSync(join(FOLDER, 'package.json'), '{ "type": "module" }');
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const run = spawnSync(process.execPath, [compiler, '-p', '.'], { cwd: FOLDER, encoding: 'utf8' });
  assert.equal(run.stdout + run.stderr, '');
});

test('the configuration in README.md passes the check', () => {
  const [configuration = ''] = blocks('README.md', 'yaml');
  const file = join(FOLDER, 'tidegate.yaml');
  writeFileSync(file, configuration);
  const run = spawnSync(join(ROOT, 'bin/tidegate'), ['check', file], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});
