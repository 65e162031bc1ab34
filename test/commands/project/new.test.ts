import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { templates } from '../../../src/commands/project/templates.ts';
import { TestFolder } from '../../support/folder.ts';
import { runProgram } from '../program.ts';

const nodeModules = join(import.meta.dirname, '..', '..', '..', 'node_modules');

describe('terrafirma new', () => {
  test('lists its templates, for people and programs', async () => {
    const ids = templates.map(({ id }) => id);
    const { stdout } = await runProgram(['new', '--list']);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([...ids, '']);
    const { stdout: json } = await runProgram(['new', '--list', '--json']);
    expect(JSON.parse(json).templates.map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  test('never writes over a file that is there, and then writes nothing', async () => {
    using folder = new TestFolder();
    folder.write('mine/site/index.html', 'precious');
    const argv = ['new', 'mine', '-t', 'rust'];
    const { code, stderr } = await runProgram(argv, { workingDirectory: folder.directory });
    expect(code).toBe(2);
    expect(stderr).toContain(folder.path('mine/site/index.html'));
    expect(readFileSync(folder.path('mine/site/index.html'), 'utf8')).toBe('precious');
    expect(readdirSync(folder.path('mine'))).toEqual(['site']);
  });

  test('writes into the directory where it stands only when that is named', async () => {
    using folder = new TestFolder();
    const inside = { workingDirectory: folder.directory };
    const { code, stderr } = await runProgram(['new', '-t', 'static'], inside);
    expect(code).toBe(2);
    expect(stderr).toContain('terrafirma new hello');
    expect(readdirSync(folder.directory)).toEqual([]);
    expect((await runProgram(['new', '.', '-t', 'static'], inside)).code).toBe(0);
    expect(readdirSync(folder.directory)).toContain('project.toml');
  });

  test('says how what builds it is had, beside npm', async () => {
    using folder = new TestFolder();
    const inside = { workingDirectory: folder.directory };
    const { stdout } = await runProgram(['new', 'hello', '-t', 'python-component'], inside);
    const tools = 'python3 -m venv tools && tools/bin/pip install componentize-py';
    expect(stdout).toContain(`Next: cd hello && npm install && ${tools} && terrafirma dev\n`);
    expect(readFileSync(folder.path('hello/.gitignore'), 'utf8')).toContain('/tools/\n');
  });

  test('asks back about a template that it does not know', async () => {
    const { code, stderr } = await runProgram(['new', 'x', '-t', 'rusty']);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean "rust"?');
  });

  test('shows the name of the project as text', async () => {
    using folder = new TestFolder();
    const argv = ['new', '<b>&x', '-t', 'static'];
    await runProgram(argv, { workingDirectory: folder.directory });
    const page = readFileSync(folder.path('<b>&x/site/index.html'), 'utf8');
    expect(page).toContain('<h1>&lt;b&gt;&amp;x</h1>');
  });
});

/** Whether a compiler found no registry to have its libraries from. */
function isOffline(told: string): boolean {
  return /failed to download|Could not (?:resolve|connect)|no matching package/.test(told);
}

/** What `build.py` says. */
function lacksKit(told: string): boolean {
  return /no @bytecodealliance\/jco|no componentize-py/.test(told);
}

describe('where the tools of a template are not there', () => {
  const built = templates.filter(({ command }) => command !== undefined);

  test.each(built)('build of $id says which, and where to get it', async ({ id, command = '' }) => {
    using folder = new TestFolder();
    const inside = { workingDirectory: folder.path('hello') };
    await runProgram(['new', 'hello', '-t', id], { workingDirectory: folder.directory });
    const environment = { PATH: folder.path('nowhere') };
    const { code, stderr } = await runProgram(['build'], { ...inside, environment });
    const [tool = ''] = command.split(' ').filter((word) => !word.includes('='));
    expect(code).toBe(2);
    expect(stderr).toContain(`${tool} must be on the PATH: install`);
  });

  test.each(['javascript-component', 'fastly-javascript'])(
    'build of %s says that npm has to install its packages',
    async (id) => {
      using folder = new TestFolder();
      await runProgram(['new', 'hello', '-t', id], { workingDirectory: folder.directory });
      const inside = { workingDirectory: folder.path('hello') };
      const { code, stderr } = await runProgram(['build'], inside);
      expect(code).toBe(2);
      expect(stderr).toMatch(/the packages? @\S+.* must be there: run npm install in the project/);
    },
  );
});

test('build of python-component says what of its tools is not there', async (context) => {
  using folder = new TestFolder();
  await runProgram(['new', 'hello', '-t', 'python-component'], {
    workingDirectory: folder.directory,
  });
  const inside = { workingDirectory: folder.path('hello') };
  const first = await runProgram(['build'], inside);
  if (first.code === 2) context.skip(first.stderr);
  expect(first.stderr).toContain('run npm install in the project');
  const interfaces = 'hello/node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12/http';
  folder.write(`${interfaces}/proxy.wit`, 'package wasi:http@0.2.12;\n');
  const { stderr } = await runProgram(['build'], inside);
  // Who has the program on the path has it try.
  expect(stderr).toMatch(/tools\/bin\/pip install componentize-py|proxy\.wit/);
  const copied = readFileSync(folder.path('hello/wit/deps/http/proxy.wit'), 'utf8');
  expect(copied).toBe('package wasi:http@0.2.10;\n');
});

/** Whether a compiler is here is found by building: `build` says with 2 that it is not. */
describe.each(templates.filter(({ module }) => module !== undefined))(
  'template $id',
  (template) => {
    // Compilers take their time where others are at work, too.
    test('builds, and answers', { timeout: 600_000 }, async (context) => {
      const { FASTLY_TEMPLATE } = process.env;
      if (template.id === 'fastly-rust' && FASTLY_TEMPLATE === undefined) {
        context.skip('the kit of Fastly compiles for minutes: set FASTLY_TEMPLATE to build it');
      }
      using folder = new TestFolder();
      const { id, body, module = '', query = '' } = template;
      const inside = { workingDirectory: folder.path('hello') };
      // Compilers keep caches at home.
      const environment = { HOME: process.env.HOME ?? folder.directory };
      const made = await runProgram(['new', 'hello', '-t', id], {
        workingDirectory: folder.directory,
      });
      expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('terrafirma dev') });
      symlinkSync(nodeModules, folder.path('hello/node_modules'));
      const built = await runProgram(['build'], { ...inside, environment });
      const { stderr: told } = built;
      if (built.code === 2 || isOffline(told) || lacksKit(told)) context.skip(told);
      expect(built).toMatchObject({ code: 0 });
      const asked = body === undefined ? ['--path', `/${module}${query}`] : ['--data', body];
      const { code, stdout } = await runProgram(['run', join('site', module), ...asked], inside);
      expect({ code, isSilent: stdout === '' }).toEqual({ code: 0, isSilent: false });
    });
  },
);
