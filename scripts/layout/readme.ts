/** README.md names every command, and no command or flag that does not exist. */
import { flagsOf } from '../../src/commands/arguments.ts';
import type { Command } from '../../src/commands/command.ts';

export function checkReadme(text: string, commands: readonly Command[]): readonly string[] {
  const names = new Set(commands.map((command) => command.name));
  const flags = new Set([
    '--version',
    '--help',
    ...commands.flatMap((command) => flagsOf(command).map((row) => `--${row.name}`)),
  ]);
  // Only in code: prose may begin with the name of the program, too.
  const code = [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map((match) => match[0]);
  const lines = code
    .flatMap((piece) => piece.split('\n'))
    .filter((line) => /\bterrafirma /.test(line));
  const called = new Set(
    lines.flatMap((line) => /\bterrafirma ([a-z]+(?:-[a-z]+)*)\b/.exec(line)?.[1] ?? []),
  );
  const written = new Set(lines.flatMap((line) => line.match(/(?<=\s)--[a-z][a-z-]*/g) ?? []));
  return [
    ...[...names].filter((name) => !called.has(name)).map((name) => `README.md must show ${name}`),
    ...[...called]
      .filter((name) => !names.has(name))
      .map((name) => `README.md must not show a command that is not there: ${name}`),
    ...[...written]
      .filter((flag) => !flags.has(flag))
      .map((flag) => `README.md must not show a flag that is not there: ${flag}`),
  ];
}
