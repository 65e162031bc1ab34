/** `terrafirma release`: a quarantined module may run again. */
import { release as releaseModule } from '../../deploy/keep/quarantine.ts';
import type { Command } from '../command.ts';
import { reportTo, stateDirectoriesOf, stateSettings } from './states.ts';

export const release: Command = {
  name: 'release',
  summary: 'Let a quarantined module run again',
  positionals: [
    {
      name: 'digest',
      isRequired: true,
      summary: 'The module: its digest, or the first 8 or more digits of it',
    },
  ],
  flags: [],
  readsConfig: true,
  settings: stateSettings,
  notes: [
    'A module is quarantined when the daemon ended twice while the module was new to it; ' +
      '"terrafirma versions" and the log name it.',
    'A running daemon takes it up at its next look at the folder.',
  ],
  async run(given, io) {
    const [digestStart = ''] = given.positionals;
    const directories = stateDirectoriesOf(given, io);
    const digest = await releaseModule(directories, digestStart, reportTo(io));
    io.write(`${digest} may run again\n`);
    return 0;
  },
};
