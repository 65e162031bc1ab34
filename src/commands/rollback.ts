/** `terrafirma rollback`: an accepted version of a module serves again. */
import { rollBack } from '../deploy/versions.ts';
import type { Command } from './command.ts';
import { nameStored } from './stored-name.ts';
import { reportTo, stateDirectoryOf, stateSettings } from './versions.ts';

export const rollback: Command = {
  name: 'rollback',
  summary: 'Let a kept version of a module serve again',
  positionals: [
    {
      name: 'folder/module.wasm',
      isRequired: true,
      summary: 'The module: as "terrafirma versions" lists it, or as a path of this machine',
    },
    {
      name: 'digest',
      isRequired: true,
      summary: 'The version: its digest, or the first 8 or more digits of it',
    },
  ],
  flags: [],
  readsConfig: true,
  settings: stateSettings,
  notes: [
    'The version serves until the content of the file becomes something else than it is now. ' +
      'Rolling back to the newest version ends a rollback.',
    'A running daemon takes it up at its next look at the folder.',
  ],
  async run(given, io) {
    const [asked = '', digestStart = ''] = given.positionals;
    const directory = stateDirectoryOf(given, io);
    const log = reportTo(io);
    const name = await nameStored(asked, { directory, io, log });
    const version = await rollBack(directory, { name, digestStart }, log);
    io.write(`${name} serves ${version.digest}\n`);
    return 0;
  },
};
