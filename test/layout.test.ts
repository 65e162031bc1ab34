import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkArchitecture, writeRooms } from '../scripts/layout/architecture.ts';
import {
  checkCycles,
  checkDeadFiles,
  checkImports,
  checkLengths,
  checkLimits,
  checkPurity,
  checkRooms,
  checkShapes,
  checkWords,
} from '../scripts/layout/checks.ts';
import { checkCitations } from '../scripts/layout/citations.ts';
import { checkReadme } from '../scripts/layout/readme.ts';
import { checkLayout } from '../scripts/layout/repository.ts';
import { checkRoads } from '../scripts/layout/roads.ts';
import type { SourceFile } from '../scripts/layout/source.ts';
import { findFunctions, parseSource } from '../scripts/layout/source.ts';
import { loadCommands } from '../src/commands/catalogue.ts';

const commands = await loadCommands();

function sources(files: Record<string, string>): readonly SourceFile[] {
  return Object.entries(files).map(([file, text]) => parseSource(file, text));
}

test('this repository has no fault', async () => {
  expect(await checkLayout(path.dirname(import.meta.dirname))).toEqual([]);
});

describe('a road of docs/architecture.md', () => {
  const road = (...files: readonly string[]): string =>
    ['The request road', 'The deploy road']
      .map(
        (name) =>
          `## ${name}\n\n${files.map((file, at) => `${at + 1}. \`${file}\` does.`).join('\n')}\n`,
      )
      .join('\n');
  const all = sources({
    'src/a.ts': `import { b } from './b.ts';`,
    'src/b.ts': `export const b = 1;`,
    'src/c.ts': `export const c = 1;`,
  });

  test('is a list of files, each of which is imported by one before it', () => {
    expect(checkRoads(road('src/a.ts', 'src/b.ts'), all)).toEqual([]);
  });

  test.each([
    [road(), /must list its files/],
    [road('src/a.ts', 'src/none.ts'), /must be there: received src\/none\.ts/],
    [road('src/a.ts', 'src/c.ts'), /must import it: received src\/c\.ts/],
    [road('src/b.ts', 'src/a.ts'), /must import it: received src\/a\.ts/],
    [road('src/a.ts', ...Array<string>(15).fill('src/b.ts')), /at most 15 files: received 16/],
  ])('is at fault: %#', (text, fault) => {
    const faults = checkRoads(text, all);
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(fault);
  });
});

describe('who imports whom', () => {
  test.each([
    ['src/deploy/a.ts', '../serve/b.ts'],
    ['src/serve/a.ts', '../deploy/b.ts'],
    ['src/serve/a.ts', '../wasm/b.ts'],
    ['src/engine/a.ts', '../abi/catalogue.ts'],
    ['src/engine/a.ts', '../abi/terrarium/b.ts'],
    ['src/abi/terrarium/a.ts', '../wasip1/b.ts'],
    ['src/abi/terrarium/a.ts', '../catalogue.ts'],
    ['src/abi/memory.ts', './terrarium/b.ts'],
    ['src/wasm/a.ts', '../config/config.ts'],
    ['src/config/a.ts', '../commands/b.ts'],
    ['src/site/a.ts', '../deploy/b.ts'],
    ['src/unheard-of/a.ts', '../errors.ts'],
  ])('%s must not import %s', (file, specifier) => {
    for (const statement of [
      `import { b } from '${specifier}';`,
      `import type { B } from '${specifier}';`,
      `export { b } from '${specifier}';`,
      `const b = await import('${specifier}');`,
    ]) {
      expect(checkImports(sources({ [file]: statement }))).toHaveLength(1);
    }
  });

  test.each([
    ['src/deploy/a.ts', '../wasm/b.ts'],
    ['src/engine/a.ts', '../abi/abi.ts'],
    ['src/serve/a.ts', '../names.ts'],
    ['src/abi/terrarium/a.ts', '../handles.ts'],
    ['src/abi/terrarium.ts', './terrarium/a.ts'],
    ['src/abi/catalogue.ts', './terrarium.ts'],
    ['src/commands/a.ts', '../wasm/inspect.ts'],
  ])('%s may import %s', (file, specifier) => {
    expect(checkImports(sources({ [file]: `import { b } from '${specifier}';` }))).toEqual([]);
  });

  test('an import in a comment or a string is none', () => {
    const text = `// import { b } from '../serve/b.ts';\nconst a = "import('../serve/b.ts')";`;
    expect(checkImports(sources({ 'src/deploy/a.ts': text }))).toEqual([]);
  });

  test('starting a thread of another part is not importing it', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    const text = 'const a = new URL(`../serve/thread.${ending}`, import.meta.url);';
    const [source] = sources({ 'src/daemon/a.ts': text });
    expect(source?.starts).toEqual(['src/serve/thread.ts']);
    expect(checkImports(sources({ 'src/daemon/a.ts': text }))).toEqual([]);
  });
});

test('a room that imports one standing after it is found', () => {
  const names = { name: 'names', holds: '', imports: ['errors'] };
  const errors = { name: 'errors', holds: '', imports: [] };
  expect(checkRooms([errors, names])).toEqual([]);
  expect(checkRooms([names, errors])).toEqual([
    'the room names must stand after errors, which it imports',
  ]);
});

test('limits of a room stand before it, and import nothing of it', () => {
  const config = { name: 'config', holds: '', imports: ['capability/*/limits'] };
  expect(checkRooms([config, { name: 'capability', holds: '', imports: [] }])).toEqual([]);
  const limits = (text: string) => checkLimits(sources({ 'src/capability/a/limits.ts': text }));
  expect(limits("import type { LimitTable } from '../../config/limit-table.ts';")).toEqual([]);
  expect(limits("import { a } from './a.ts';")).toEqual([
    'src/capability/a/limits.ts must be limits alone: it imports src/capability/a/a.ts',
  ]);
});

test('what is cited must be there, with its section', () => {
  const documents = [{ path: 'docs/spec/a.md', text: '## 2. Two\n\n**2.1** One.\n' }];
  const good = sources({
    'src/a.ts': '/** docs/spec/a.md, 2.1; docs/spec/a.md, section 2; docs/spec/a.md. */',
    'src/b.ts': '/**\n * As it says (docs/spec/a.md,\n * 2.1)\n */',
  });
  expect(checkCitations(good, documents)).toEqual([]);
  const bad = sources({ 'src/c.ts': '/** docs/spec/a.md, 2.2, docs/gone.md */' });
  expect(checkCitations(bad, documents)).toEqual([
    'src/c.ts cites section 2.2 of docs/spec/a.md, which is not there',
    'src/c.ts cites docs/gone.md, which is not there',
  ]);
});

test('the table of rooms in the docs must be the one that is checked', () => {
  const rooms = [{ name: 'names', holds: 'host names', imports: ['errors'] }];
  const text = writeRooms('# Architecture\n', rooms);
  expect(text).toContain('| `src/names` | host names | `errors` |');
  expect(checkArchitecture(text, rooms)).toEqual([]);
  expect(checkArchitecture(text, [...rooms, ...rooms])).toHaveLength(1);
});

test('imports that go round are found, types included', () => {
  const files = {
    'src/site/a.ts': `import type { B } from './b.ts';`,
    'src/site/b.ts': `import { c } from './c.ts';`,
    'src/site/c.ts': `export { a } from './a.ts';`,
  };
  expect(checkCycles(sources(files))).toEqual([
    'imports must not go round: src/site/a.ts → src/site/b.ts → src/site/c.ts → src/site/a.ts',
  ]);
});

describe('lengths', () => {
  test('a file has at most 400 lines', () => {
    const lines = (count: number) => sources({ 'src/a.ts': 'a;\n'.repeat(count) });
    expect(checkLengths(lines(400))).toEqual([]);
    expect(checkLengths(lines(401))).toEqual([
      'src/a.ts must have at most 400 lines: received 401',
    ]);
  });

  test('a line has at most 100 columns', () => {
    expect(checkLengths(sources({ 'src/a.ts': '…'.repeat(100) }))).toEqual([]);
    expect(checkLengths(sources({ 'src/a.ts': '…'.repeat(101) }))).toHaveLength(1);
  });

  const body = (lines: number) => `${'  call();\n'.repeat(lines - 2)}}`;
  test.each([
    'function f(): void {',
    'async function f(a: { b: string }): Promise<readonly string[]> {',
    'function f(): { readonly a: string } {',
    'const f = (a: string) => {',
    'class A {\n  f(a = { b: 1 }): void {',
    'export const a = { f() {',
  ])('%j has at most 60 lines', (head) => {
    const close = head.includes('class') || head.includes('a = { f') ? '\n}' : '';
    const checked = (lines: number) =>
      checkLengths(sources({ 'src/a.ts': `${head}\n${body(lines)}${close}\n` }));
    expect(checked(60)).toEqual([]);
    expect(checked(61)).toHaveLength(1);
  });

  test('blocks, classes, types and objects are no functions', () => {
    const text = [
      'class A extends B {\n}',
      'if (a) {\n} else if (b) {\n}',
      'for (const a of b) {\n}',
      'switch (a) {\n}',
      'try {\n} catch (error) {\n}',
      'const a = b ? c(d) : { e: 1 };',
      'interface A {\n  b(c: D): E;\n}',
      `const a = 'function f() {';`,
    ].join('\n');
    expect(findFunctions(parseSource('src/a.ts', text))).toEqual([]);
  });
});

test('a file that nothing imports is dead, entries are not', () => {
  const files = {
    'src/main.ts': `import { a } from './a.ts';`,
    'src/a.ts': '',
    'src/b.ts': '',
    'test/b.test.ts': `import { b } from '../src/b.ts';`,
  };
  expect(checkDeadFiles(sources(files))).toEqual([
    'src/b.ts must be imported by some file of src/, or go',
  ]);
});

test.each([
  ['src/utils.ts', '/** a */', 'must have a name that says what is in it'],
  ['src/site/index.ts', '/** a */', 'must have a name that says what is in it'],
  ['src/a.ts', '/** a */\nexport default 1;', 'must not have a default export'],
  ['src/a.ts', '/** a */\nlet a = 1;', 'must not have mutable state at module level'],
  ['src/a.ts', '/** a */\nprocess.exit(1);', 'must not end the process'],
  ['src/a.ts', `import { readFile } from 'node:fs/promises';`, 'must begin with a comment'],
  ['src/abi/a.ts', 'const a = {\n  get b() {\n    return 1;\n  },\n};', 'must have no getter'],
])('%s with %j is refused', (file, text, rule) => {
  expect(checkShapes(sources({ [file]: text }))).toEqual([expect.stringContaining(rule)]);
});

test.each([
  ['const domain = 1;', 'host name'],
  ['// the hostname of', 'host name (HostName)'],
  ['/*\n * a worker\n */', 'thread'],
  ['// TODO', 'the thing itself'],
])('the word in %j is banned', (text, instead) => {
  expect(checkWords(sources({ 'src/a.ts': text }))).toEqual([
    expect.stringContaining(`must say ${instead}`),
  ]);
});

test.each([
  ['src/wasm/a.ts', `import { readFileSync } from 'node:fs';`],
  ['src/abi/a.ts', 'const a = Date.now();'],
  ['src/names/a.ts', `import { createServer, isIP } from 'node:net';`],
  ['src/site/table.ts', 'setTimeout(a, 1);'],
  ['src/config/resolve.ts', 'const a = process.env;'],
])('%s must be pure: not %s', (file, text) => {
  expect(checkPurity(sources({ [file]: text }))).toHaveLength(1);
});

test.each([
  ['src/names/a.ts', `import { isIP, isIPv4 } from 'node:net';`],
  ['src/config/load.ts', `import { readFileSync } from 'node:fs';`],
  ['src/wasm/a.ts', '// Date.now() would not be pure'],
])('%s may have %s', (file, text) => {
  expect(checkPurity(sources({ [file]: text }))).toEqual([]);
});

describe('README.md', () => {
  const whole = commands.map(({ name }) => `\`terrafirma ${name}\``).join('\n');

  test('shows every command', () => {
    expect(checkReadme(whole, commands)).toEqual([]);
    expect(checkReadme('', commands)).toHaveLength(commands.length);
  });

  test('shows no command and no flag that is not there', () => {
    expect(checkReadme(`${whole}\n\`terrafirma fly --high\``, commands)).toEqual([
      'README.md must not show a command that is not there: fly',
      'README.md must not show a flag that is not there: --high',
    ]);
  });
});
