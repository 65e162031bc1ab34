/** Where daemons keep what they accepted. Edge: the file system. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { localStatesOf } from '../../config/state-directory.ts';
import { readFolderRecord } from '../../deploy/keep/record-files.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type Journal, openJournal } from '../../journal/journal.ts';
import type { FolderKey } from '../../names.ts';
import type { Arguments, CommandIo } from '../command.ts';

/** The flags of commands that look into the state directory. */
export const stateSettings: readonly Setting<unknown>[] = [
  settings.stateDirectory as Setting<unknown>,
];

/**
 * The state directory that was named; where none was, the usual one and those of folders that were
 * served by their path. Errors: `config`; `state` when there is none.
 */
export function stateDirectoriesOf(given: Arguments, io: CommandIo): readonly string[] {
  const { config, origins } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const { stateDirectory } = config;
  const isNamed = origins.get(settings.stateDirectory as Setting<unknown>)?.kind !== 'default';
  const local = isNamed ? [] : directoriesIn(localStatesOf(stateDirectory));
  const found = [stateDirectory, ...local].filter(isDirectory);
  if (found.length > 0) return found;
  throw new TerrafirmaError(
    'state',
    'Cannot look for versions: the state directory must exist, as a daemon makes it: ' +
      `received ${stateDirectory}; name that of the daemon with --state`,
  );
}

/** What the deploy road has to tell, on standard error. */
export function reportTo(io: CommandIo): Journal {
  return openJournal(({ level, text }) => {
    if (level === 'warn' || level === 'error') io.report(text);
  });
}

/**
 * Earlier releases kept every served folder under one key in the usual state directory. Says where
 * that is, when the folder's own is not there yet and the other was this folder's last.
 */
export async function tellOfEarlierState(
  served: { readonly folder: string; readonly stateDirectory: string },
  io: CommandIo,
): Promise<void> {
  const { folder, stateDirectory } = served;
  if (isDirectory(stateDirectory)) return;
  const earlier = path.dirname(path.dirname(stateDirectory));
  const record = await readFolderRecord(earlier, '/folder' as FolderKey, reportTo(io));
  if (record?.directory !== realpathSync(folder)) return;
  io.report(
    `What was kept of this folder before is in ${earlier}: serve it with --state ${earlier} ` +
      'to go on with its versions and key-value data',
  );
}

function directoriesIn(directory: string): readonly string[] {
  if (!isDirectory(directory)) return [];
  return readdirSync(directory).map((name) => path.join(directory, name));
}

function isDirectory(directory: string): boolean {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true;
}
