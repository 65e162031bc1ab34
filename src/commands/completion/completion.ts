/** `terrafirma completion`: what shells need to complete command lines. */
import { TerrafirmaError } from '../../errors.ts';
import { flagsOf } from '../arguments.ts';
import type { Command } from '../command.ts';
import { formatBash } from './bash.ts';
import type { CompletedCommand } from './completed-command.ts';
import { formatFish } from './fish.ts';
import { formatZsh } from './zsh.ts';

const shells = { bash: formatBash, zsh: formatZsh, fish: formatFish } as const;

export const completion: Command = {
  name: 'completion',
  summary: 'Print what bash, zsh or fish need to complete command lines',
  positionals: [{ name: 'shell', isRequired: true, summary: 'bash, zsh or fish' }],
  flags: [],
  readsConfig: false,
  settings: [],
  notes: [
    'bash: source <(terrafirma completion bash). zsh, after compinit: source <(terrafirma ' +
      'completion zsh). fish: terrafirma completion fish | source.',
  ],
  async run(given, io) {
    const [shell = ''] = given.positionals;
    const format = Object.hasOwn(shells, shell) ? shells[shell as keyof typeof shells] : undefined;
    if (format === undefined) {
      const rule = `the shell must be one of ${Object.keys(shells).join(', ')}`;
      throw new TerrafirmaError('usage', `Cannot run completion: ${rule}: received "${shell}"`);
    }
    io.write(format(describe(await io.loadCommands())));
    return 0;
  },
};

function describe(commands: readonly Command[]): readonly CompletedCommand[] {
  return commands.map((command) => ({
    name: command.name,
    summary: command.summary,
    flags: flagsOf(command).map(({ name, summary }) => ({ name: `--${name}`, summary })),
  }));
}
