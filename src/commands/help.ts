/** The text of `terrafirma --help` and `terrafirma <command> --help`. */
import { flagsOf } from './arguments.ts';
import type { Command, FlagRow } from './command.ts';

export const exitCodeLines: readonly string[] = [
  '0  done, or the answer is yes',
  '1  it failed, or the answer is no',
  '2  the arguments or the configuration must be changed first',
];

const lineColumnsMax = 80;

export function describeProgram(commands: readonly Command[]): string {
  return [
    'terrafirma turns folders into websites with WebAssembly functions.',
    '',
    'Usage: terrafirma <command> [arguments] [flags]',
    '',
    'Commands:',
    ...table(commands.map((command) => [command.name, command.summary])),
    '',
    'Flags:',
    ...table([
      ['-h, --help', 'Show this help, or that of a command: terrafirma serve --help'],
      ['--version', 'Show the version'],
    ]),
    '',
    'Exit codes:',
    ...exitCodeLines.map((line) => `  ${line}`),
    '',
    'Try: terrafirma serve ./folder',
    '',
  ].join('\n');
}

export function describeCommand(command: Command): string {
  const flags = flagsOf(command);
  const positionals = command.positionals.map((row) =>
    row.isRequired ? `<${row.name}>` : `[${row.name}]`,
  );
  return [
    `${command.summary}.`,
    '',
    `Usage: terrafirma ${[command.name, ...positionals, '[flags]'].join(' ')}`,
    '',
    ...table(command.positionals.map((row) => [row.name, row.summary])),
    ...(positionals.length === 0 ? [] : ['']),
    'Flags:',
    ...table(flags.map((row) => [flagWords(row), row.summary + (row.isRepeatable ? ' (*)' : '')])),
    ...(flags.some((row) => row.isRepeatable) ? ['', '(*) may be given several times'] : []),
    ...command.notes.flatMap((note) => ['', ...wrap(note, lineColumnsMax)]),
    '',
  ].join('\n');
}

function flagWords(row: FlagRow): string {
  const long = row.placeholder === undefined ? `--${row.name}` : `--${row.name} ${row.placeholder}`;
  return row.short === undefined ? long : `-${row.short}, ${long}`;
}

/** Two columns; the right one is wrapped. Choices too long for the left get their own line. */
function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const widthMax = 30;
  const lengths = rows.map(([left]) => left.length).filter((length) => length <= widthMax);
  const width = Math.max(0, ...lengths);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, lineColumnsMax - width - 4);
    const indent = ' '.repeat(width + 4);
    const first =
      left.length > width
        ? [`  ${left}`, `${indent}${lines[0] ?? ''}`]
        : [`  ${left.padEnd(width)}  ${lines[0] ?? ''}`];
    return [...first, ...lines.slice(1).map((line) => `${indent}${line}`)];
  });
}

function wrap(text: string, columnsMax: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
