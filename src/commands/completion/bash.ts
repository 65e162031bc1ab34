/** For bash. Pure. */
import type { CompletedCommand } from './completed-command.ts';

export function formatBash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(
    ({ flags, name }) => `    ${name}) words='${flags.map((flag) => flag.name).join(' ')}' ;;`,
  );
  // Bash's own variables, not ours.
  const current = `$\{COMP_WORDS[COMP_CWORD]}`;
  const command = `$\{COMP_WORDS[1]}`;
  return `${[
    '_terrafirma() {',
    `  local current="${current}" words=""`,
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words='${commands.map(({ name }) => name).join(' ')} --help --version'`,
    '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '    return',
    '  fi',
    `  case "${command}" in`,
    ...cases,
    '  esac',
    '  case "$current" in',
    '    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;',
    '    *) COMPREPLY=($(compgen -f -- "$current")) ;;',
    '  esac',
    '}',
    'complete -o filenames -F _terrafirma terrafirma',
  ].join('\n')}\n`;
}
