/** `terrafirma rollback`: an accepted version of a module serves again. */
import { listVersions, rollBack } from '../../deploy/keep/versions.ts';
import type { Command, CommandIo } from '../command.ts';
import { openShared } from './shared.ts';
import { reportTo, stateDirectoriesOf, stateSettings } from './states.ts';
import { nameStored } from './stored-name.ts';

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
    const journal = reportTo(io);
    const { directory, name } = await findModule(asked, stateDirectoriesOf(given, io), io);
    await using shared = await openShared(given, io);
    const target = { name, digestStart, ...shared.opened };
    const version = await rollBack(directory, target, journal);
    io.write(`${name} serves ${version.digest}\n`);
    return 0;
  },
};

/** The state directory that has the module, and what it is called there; else the first one. */
async function findModule(
  asked: string,
  directories: readonly string[],
  io: CommandIo,
): Promise<{ readonly directory: string; readonly name: string }> {
  const journal = reportTo(io);
  let first: { readonly directory: string; readonly name: string } | undefined;
  for (const directory of directories) {
    const name = await nameStored(asked, { directory, io, journal });
    const listed = await listVersions(directory, name, journal);
    if (listed.length > 0) return { directory, name };
    first ??= { directory, name };
  }
  return first ?? { directory: '', name: asked };
}
