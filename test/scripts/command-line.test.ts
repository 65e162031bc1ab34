import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { attacks } from '../../scripts/attack/catalogue.ts';
import { parseScriptLine } from '../../scripts/command-line.ts';

const root = path.join(import.meta.dirname, '../..');

const line = {
  command: 'npm run sample --',
  about: 'Does something.',
  flags: {
    count: { kind: 'number', fallback: 3, min: 1, isWhole: true, means: 'How many' },
    part: { kind: 'number', fallback: 0.5, means: 'Of them' },
    name: { kind: 'text', value: 'NAME', means: 'Whose' },
    place: { kind: 'text', value: 'DIR', fallback: 'here', means: 'Where' },
    loud: { kind: 'switch', means: 'Say it' },
  },
  rest: { usage: 'FILE [MORE]', min: 1, max: 2 },
} as const;

const parse = (...argv: readonly string[]) => parseScriptLine(line, argv);

describe('the arguments of a script', () => {
  test('are what was given, and else what is usual', () => {
    expect(parse('a')).toEqual({
      flags: { count: 3, part: 0.5, name: undefined, place: 'here', loud: false },
      rest: ['a'],
    });
    const all = ['a', '--count', '7', '--part=1e-3', '--name', 'n', '--place', 'p', '--loud', 'b'];
    expect(parse(...all)).toEqual({
      flags: { count: 7, part: 0.001, name: 'n', place: 'p', loud: true },
      rest: ['a', 'b'],
    });
  });

  test.each([['--help'], ['-h'], ['--help', '--count', '0'], ['x', 'y', 'z', '-h']])(
    'ask for help: %j %j %j %j',
    (...argv) => {
      const ending = parse(...argv);
      expect(ending).toMatchObject({ code: 0 });
      expect('text' in ending && ending.text).toBe(
        'Does something.\n\nUsage: npm run sample -- FILE [MORE] [flags]\n\n' +
          '  --count N    How many; default: 3\n' +
          '  --part N     Of them; default: 0.5\n' +
          '  --name NAME  Whose\n' +
          '  --place DIR  Where; default: here\n' +
          '  --loud       Say it\n' +
          '  --help       Show this help\n',
      );
    },
  );

  test.each([
    [['--nonsense', 'a'], /^Cannot run npm run sample: Unknown option '--nonsense'\n/],
    [['a', '--loud=yes'], /'--loud' does not take an argument/],
    [['a', '--name'], /'--name <value>' argument missing/],
    [[], /FILE \[MORE\] must be given: received nothing/],
    [['a', 'b', 'c'], /at most 2 arguments beside the flags: received c too/],
    [['a', '--count', 'many'], /--count must be a whole number of at least 1: received "many"/],
    [['a', '--count', '0'], /--count must be a whole number of at least 1: received "0"/],
    [['a', '--count', '1.5'], /--count must be a whole number of at least 1: received "1.5"/],
    [['a', '--part', ''], /--part must be a number of at least 0: received ""/],
    [['a', '--part=-1'], /--part must be a number of at least 0: received "-1"/],
  ])('%j are refused in a sentence, with where to look', (argv, sentence) => {
    const ending = parse(...argv);
    expect(ending).toMatchObject({ code: 2, text: expect.stringMatching(sentence) });
    expect('text' in ending && ending.text).toMatch(/\nSee: npm run sample -- --help\n$/);
  });
});

/** Files that somebody runs: nobody imports them, or they do more where they are run. */
function commands(): readonly string[] {
  const all = ['scripts', 'bench', 'bench/meter'].flatMap((directory) =>
    readdirSync(path.join(root, directory)).map((name) => `${directory}/${name}`),
  );
  return all.filter((file) => {
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) return false;
    const text = readFileSync(path.join(root, file), 'utf8');
    return text.includes('import.meta.main') || !/^export /m.test(text);
  });
}

describe('every command', () => {
  const others = [
    // Passes its arguments on to vitest.
    'scripts/test.ts',
    // Started by programs alone.
    ...['bench/empty-server.ts', 'bench/stream-server.ts', 'bench/wasi-server.ts'],
    'bench/same-javascript.ts',
  ];

  test.each(commands().filter((file) => !others.includes(file)))(
    '%s reads its arguments like all others',
    (file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      expect(text).toMatch(/\breadScriptLine\(/);
    },
  );

  test.each(['scripts/attack.ts', 'bench/run.ts', 'scripts/config-files.ts'])(
    '%s answers --help, and an unknown flag, before it does anything',
    (file) => {
      // Not as a test: what tests say of programs that are missing is nobody else's business.
      const env = { ...process.env, VITEST: undefined };
      const run = (flag: string) =>
        spawnSync(process.execPath, [file, flag], { cwd: root, encoding: 'utf8', env });
      const help = run('--help');
      expect(help).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nUsage: /) });
      const wrong = run('--nonsense');
      expect(wrong).toMatchObject({ status: 2, stdout: '' });
      expect(wrong.stderr).toMatch(/^Cannot run .*--nonsense.*\nSee: .* --help\n$/);
    },
  );

  test('the attacks are listed, and none is run', () => {
    const env = { ...process.env, VITEST: undefined };
    const listing = ['scripts/attack.ts', '--list'];
    const run = spawnSync(process.execPath, listing, { cwd: root, encoding: 'utf8', env });
    expect(run).toMatchObject({ status: 0, stderr: '' });
    for (const { name, what } of attacks)
      expect(run.stdout).toContain(`${name.padEnd(18)}${what}\n`);
  });
});
