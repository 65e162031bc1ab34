/** For fish. Pure. */
import type { CompletedCommand } from './completed-command.ts';

export function formatFish(commands: readonly CompletedCommand[]): string {
  return `${commands
    .flatMap(({ flags, name, summary }) => [
      `complete -c terrafirma -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
      ...flags.map(
        (flag) =>
          `complete -c terrafirma -n '__fish_seen_subcommand_from ${name}' ` +
          `-l ${flag.name.slice(2)} -d ${quote(flag.summary)}`,
      ),
    ])
    .join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
