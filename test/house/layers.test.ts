// Proves that the linter refuses imports against the layers (docs/architecture.md), so that the rules cannot rot unseen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** Folders of src from the lowest line to the highest; those of one line do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['lib'],
  ['memory'],
  ['http', 'wire', 'schema'],
  ['telemetry'],
  ['model'],
  ['net', 'routing', 'balancers', 'policies', 'resolvers', 'probes', 'stores'],
  ['listener', 'upstream'],
  ['proxy'],
  ['config'],
  ['admin'],
  ['server'],
  ['simulate'],
  ['cli'],
];

const FOLDERS = LAYERS.flat();

interface Diagnostic {
  readonly severity: string;
  readonly category: string;
  readonly location: { readonly path: string };
}

/** Lints the snippets, keyed by path in a project with our rules; gives the rules each file breaks. */
class LintedSnippets {
  readonly #root = mkdtempSync(join(tmpdir(), 'tidegate-layers-'));
  readonly #broken = new Map<string, string[]>();

  add(path: string, text: string): void {
    mkdirSync(dirname(join(this.#root, path)), { recursive: true });
    writeFileSync(join(this.#root, path), `${text}\n`);
  }

  lint(): void {
    for (const path of ['biome.json', '.gitignore', 'scripts/lint']) {
      cpSync(join(ROOT, path), join(this.#root, path), { recursive: true });
    }
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
    const options = ['lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const run = spawnSync(process.execPath, [biome, ...options], { cwd: this.#root, encoding: 'utf8' });
    const report: { diagnostics: readonly Diagnostic[] } = JSON.parse(run.stdout);
    for (const { category, location } of report.diagnostics) {
      const rules = this.#broken.get(location.path);
      if (rules) rules.push(category);
      else this.#broken.set(location.path, [category]);
    }
  }

  broken(path: string): readonly string[] {
    return this.#broken.get(path) ?? [];
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }
}

function lineOf(folder: string): number {
  return LAYERS.findIndex((line) => line.includes(folder));
}

function mayImport(from: string, to: string): boolean {
  return from === to || lineOf(to) < lineOf(from);
}

const snippets = new LintedSnippets();
const IMPORT_RULE = 'lint/style/noRestrictedImports';

before(() => {
  for (const from of FOLDERS) {
    for (const to of FOLDERS) {
      snippets.add(`src/${from}/${to}-import.ts`, `import { a } from '#${to}/a.ts';\nexport const b = a;`);
      snippets.add(`src/${from}/${to}-type.ts`, `import type { A } from '#${to}/deep/a.ts';\nexport type B = A;`);
      snippets.add(`src/${from}/${to}-dynamic.ts`, `export const load = () => import('#${to}/a.ts');`);
    }
    snippets.add(`src/${from}/entry.ts`, "import { a } from '#main.ts';\nexport const b = a;");
    snippets.add(`src/${from}/parent.ts`, "import { a } from '../lib/a.ts';\nexport const b = a;");
    snippets.add(`src/${from}/schema.ts`, "import { z } from 'zod';\nexport const b = z.string();");
  }
  snippets.add('src/policies/default.ts', 'export default 1;');
  snippets.add('src/policies/camelCase.ts', 'export const a = 1;');
  snippets.add('src/policies/any.ts', 'export const a = (b: any): unknown => b;');
  snippets.add('src/policies/clock.ts', 'export const a = Date.now();');
  snippets.add('src/policies/promise.ts', 'async function a(): Promise<void> {}\nexport const b = () => {\n  a();\n};');
  snippets.add('src/policies/one.ts', "import { two } from './two.ts';\nexport const one = () => two();");
  snippets.add('src/policies/two.ts', "import { one } from './one.ts';\nexport const two = (): unknown => one();");
  snippets.add('src/policies/long.ts', Array.from({ length: 301 }, (_, i) => `export const a${i} = 1;`).join('\n'));
  snippets.lint();
});

after(() => snippets.remove());

for (const from of FOLDERS) {
  test(`src/${from} may import what stands below it, and nothing else`, () => {
    for (const to of FOLDERS) {
      const expected = mayImport(from, to) ? [] : [IMPORT_RULE];
      for (const kind of ['import', 'type', 'dynamic']) {
        assert.deepEqual(snippets.broken(`src/${from}/${to}-${kind}.ts`), expected, `${kind} of #${to} in src/${from}`);
      }
    }
    assert.deepEqual(snippets.broken(`src/${from}/entry.ts`), [IMPORT_RULE], "the entry is nobody's import");
    assert.deepEqual(snippets.broken(`src/${from}/parent.ts`), [IMPORT_RULE], 'paths do not leave the folder');
  });
}

test('only src/schema imports zod', () => {
  for (const folder of FOLDERS) {
    assert.deepEqual(snippets.broken(`src/${folder}/schema.ts`), folder === 'schema' ? [] : [IMPORT_RULE], folder);
  }
});

for (const [path, rule] of [
  ['default.ts', 'lint/style/noDefaultExport'],
  ['camelCase.ts', 'lint/style/useFilenamingConvention'],
  ['any.ts', 'lint/suspicious/noExplicitAny'],
  ['clock.ts', 'plugin'],
  ['promise.ts', 'lint/nursery/noFloatingPromises'],
  ['one.ts', 'lint/suspicious/noImportCycles'],
  ['long.ts', 'lint/style/noExcessiveLinesPerFile'],
] as const) {
  test(`the linter has ${rule} switched on`, () => {
    assert.ok(snippets.broken(`src/policies/${path}`).includes(rule), String(snippets.broken(`src/policies/${path}`)));
  });
}

test('every folder of src has a place in the layers', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  assert.deepEqual(
    folders.filter((folder) => !FOLDERS.includes(folder)),
    [],
  );
});
