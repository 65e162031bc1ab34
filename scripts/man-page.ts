/**
 * Writes the manual page from the help of all commands: `node scripts/man-page.ts`. A test
 * compares.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { flagsOf } from '../src/commands/arguments.ts';
import { loadCommands } from '../src/commands/catalogue.ts';
import type { Command } from '../src/commands/command.ts';
import { exitCodeLines } from '../src/commands/help.ts';
import { readScriptLine } from './command-line.ts';

export const manPagePath = 'docs/terrafirma.1';

export async function renderManPage(): Promise<string> {
  const commands = await loadCommands();
  return `${[
    '.\\" Written by scripts/man-page.ts: change the help of the commands instead.',
    '.TH TERRAFIRMA 1',
    '.SH NAME',
    'terrafirma \\- turns folders into websites with WebAssembly functions',
    '.SH SYNOPSIS',
    '.B terrafirma',
    '.I command',
    '[arguments] [flags]',
    '.SH COMMANDS',
    ...commands.flatMap(describe),
    '.SH EXIT STATUS',
    ...exitCodeLines.flatMap((line) => ['.TP', `.B ${line[0]}`, text(line.slice(1).trim())]),
    '.SH FILES',
    '.TP',
    '.I /etc/terrafirma/config.toml',
    'The configuration, where neither systemd nor the user has one.',
    '.SH SEE ALSO',
    'The documentation in docs/ of the package.',
  ].join('\n')}\n`;
}

function describe(command: Command): readonly string[] {
  const positionals = command.positionals.map(({ isRequired, name }) =>
    isRequired ? `<${name}>` : `[${name}]`,
  );
  // Settings have a page of their own: docs/configuration.md.
  const settings = new Set(command.settings.flatMap(({ flag }) => flag ?? []));
  const flags = flagsOf(command).filter(({ name }) => !settings.has(name) && name !== 'help');
  return [
    `.SS ${text(['terrafirma', command.name, ...positionals].join(' '))}`,
    `${text(command.summary)}.`,
    ...flags.flatMap(({ name, placeholder, summary }) => [
      '.TP',
      `.B \\-\\-${text(name)}${placeholder === undefined ? '' : ` ${text(placeholder)}`}`,
      text(summary),
    ]),
    ...command.notes.flatMap((note) => ['.PP', text(note)]),
  ];
}

/**
 * Dots and apostrophes begin commands, backslashes and hyphens are others than they look, and troff
 * reads bytes: what is not ASCII goes by its number.
 */
function text(words: string): string {
  const escaped = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\0-\x7f]/gu, (sign) => {
      const number = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase();
      return `\\[u${number.padStart(4, '0')}]`;
    });
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

if (import.meta.main) {
  readScriptLine({
    command: 'node scripts/man-page.ts',
    about: 'Writes the manual page, docs/terrafirma.1.',
    flags: {},
  });
  const root = path.dirname(import.meta.dirname);
  writeFileSync(path.join(root, manPagePath), await renderManPage());
}
