import { describe, expect, test } from 'vitest';
import { flagsOf, parseArguments } from '../../src/commands/arguments.ts';
import { commandNames, loadCommands } from '../../src/commands/catalogue.ts';
import type { Command } from '../../src/commands/command.ts';
import { describeCommand, describeProgram } from '../../src/commands/help.ts';
import { TerrafirmaError } from '../../src/errors.ts';
import { runProgram } from './program.ts';

const commands = await loadCommands();

test('every command has the name by which it is loaded', () => {
  expect(commands.map((command) => command.name)).toEqual(commandNames);
});

function commandNamed(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found === undefined) throw new Error(`there is no command ${name}`);
  return found;
}

function faultOf(name: string, argv: readonly string[]): string {
  try {
    parseArguments(commandNamed(name), argv);
  } catch (error) {
    if (error instanceof TerrafirmaError && error.code === 'usage') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what is read', () => {
  test('positionals, flags with and without values, and settings', () => {
    const argv = ['a.wasm', '--path', '/x?y=1', '--header=a: b', '--header', 'c: d', '--include'];
    const given = parseArguments(commandNamed('run'), [...argv, '--dns', '9.9.9.9']);
    expect(given.positionals).toEqual(['a.wasm']);
    expect(given.value('path')).toBe('/x?y=1');
    expect(given.values('header')).toEqual(['a: b', 'c: d']);
    expect(given.has('include')).toBe(true);
    expect(given.has('data')).toBe(false);
    expect(given.settings.map(({ label, text }) => [label, text])).toEqual([['--dns', '9.9.9.9']]);
  });

  test('a lone - is a value, and so is what = attaches', () => {
    expect(parseArguments(commandNamed('run'), ['a', '--data', '-']).value('data')).toBe('-');
    expect(parseArguments(commandNamed('run'), ['a', '--data=--x']).value('data')).toBe('--x');
    expect(parseArguments(commandNamed('run'), ['a', '--data=']).value('data')).toBe('');
  });

  test('what stands behind -- is no flag', () => {
    expect(parseArguments(commandNamed('serve'), ['--', '--help']).positionals).toEqual(['--help']);
  });

  test('--help is enough by itself', () => {
    expect(parseArguments(commandNamed('inspect'), ['--help']).has('help')).toBe(true);
    expect(parseArguments(commandNamed('inspect'), ['-h']).has('help')).toBe(true);
  });
});

test.each([
  ['serve', ['--lisen', 'x'], 'received --lisen (did you mean "--listen"?)'],
  ['serve', ['-x'], 'the flag must be known: received -x'],
  ['serve', ['--constructor', 'x'], 'the flag must be known: received --constructor'],
  ['serve', ['--__proto__=x'], 'the flag must be known: received --__proto__'],
  ['serve', ['--listen'], '--listen must have a value (host:port): received nothing'],
  [
    'serve',
    ['--listen', '--mount', '/a=/b'],
    '--listen must have a value (host:port): received --',
  ],
  [
    'serve',
    ['--threads', '1', '--threads', '2'],
    '--threads must be given once: received it twice',
  ],
  ['serve', ['a', 'b'], 'there must be 1 argument beside the flags: received "b" too'],
  ['config', ['--json=yes'], '--json must have no value: received "yes"'],
  ['dev', ['./hello'], 'a project is served from its own directory: cd ./hello'],
  ['run', ['--x'], 'Cannot run the command run: the flag must be known'],
  ['inspect', [], '<file.wasm> must be given: received nothing'],
  ['release', [], '<digest> must be given: received nothing'],
])('%s %j is refused: %s', (name, argv, sentence) => {
  const message = faultOf(name, argv);
  expect(message).toContain(sentence);
  expect(message).toContain(`see "terrafirma ${name} --help"`);
  expect(message).not.toContain('\n');
});

describe('help', () => {
  test('of the program names every command', () => {
    const text = describeProgram(commands);
    for (const { name } of commands) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test.each(commands.map((command) => [command.name, command] as const))(
    'of %s names every flag, in at most 80 columns',
    (_name, command) => {
      const text = describeCommand(command);
      for (const row of flagsOf(command)) expect(text).toContain(`--${row.name}`);
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );

  test('goes to standard output, with 0', async () => {
    const { code, stdout, stderr } = await runProgram(['serve', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: terrafirma serve [folder] [flags]');
  });
});

test.each([
  [[], 'see "terrafirma --help"'],
  [['srve'], 'received "srve" (did you mean "serve"?)'],
  [['help', 'srve'], 'received "srve"'],
  [['--serve'], 'received "--serve"'],
])('the program with %j ends with 2 and one sentence', async (argv, sentence) => {
  const { code, stdout, stderr } = await runProgram(argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
  expect(stderr.trimEnd()).not.toContain('\n');
});

test('--version prints name and version', async () => {
  const { code, stdout } = await runProgram(['--version']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^terrafirma \d+\.\d+\.\d+\n$/);
});
