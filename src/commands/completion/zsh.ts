/** For zsh. Pure. */
import type { CompletedCommand } from './completed-command.ts';

export function formatZsh(commands: readonly CompletedCommand[]): string {
  const cases = commands.flatMap(({ flags, name }) => [
    `    ${name})`,
    `      _arguments ${flags.map(describeFlag).join(' ')} '*:file:_files'`,
    '      ;;',
  ]);
  return `${[
    '#compdef terrafirma',
    '_terrafirma() {',
    '  local -a commands',
    '  commands=(',
    ...commands.map(({ name, summary }) => `    ${quote(`${name}:${plain(summary)}`)}`),
    '  )',
    '  if (( CURRENT == 2 )); then',
    "    _describe 'command' commands",
    '    return',
    '  fi',
    '  local name="$words[2]"',
    '  shift words',
    '  (( CURRENT-- ))',
    '  case "$name" in',
    ...cases,
    '  esac',
    '}',
    'compdef _terrafirma terrafirma',
  ].join('\n')}\n`;
}

function describeFlag(flag: CompletedCommand['flags'][number]): string {
  return quote(`${flag.name}[${plain(flag.summary)}]`);
}

/** Brackets and colons mean something in its descriptions. */
function plain(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, ' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
