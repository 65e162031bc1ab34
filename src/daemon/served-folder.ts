/** What was kept of a served folder before its key named it. Edge: the file system. */
import { rename, rm } from 'node:fs/promises';
import { pinsDirectory } from '../deploy/keep/pins.ts';
import { formatRecord } from '../deploy/keep/record.ts';
import { readFolderRecord, recordPath } from '../deploy/keep/record-files.ts';
import type { Journal } from '../journal/journal.ts';
import type { FolderKey } from '../names.ts';
import type { LocatedFolder } from '../outside/mount/locate.ts';
import { fileErrorCode, writeDurably } from '../outside/state/durable.ts';

/** The key that every folder had in folder mode, whichever it was. */
export const sharedKey = '/folder' as FolderKey;

/**
 * Gives what was kept under the shared key to the folder that it was last kept for. Resolves to
 * whether that is this one; its key-value data is then to be renamed, too.
 */
export async function adoptShared(
  stateDirectory: string,
  folder: LocatedFolder,
  journal: Journal,
): Promise<boolean> {
  const record = await readFolderRecord(stateDirectory, sharedKey, journal);
  if (record === undefined || record.directory !== folder.directory) return false;
  const known = await readFolderRecord(stateDirectory, folder.key, journal);
  if (known === undefined) {
    const text = formatRecord({ ...record, folderKey: folder.key });
    await writeDurably(recordPath(stateDirectory, folder.key), text);
    await renameWhereThere(
      pinsDirectory(stateDirectory, sharedKey),
      pinsDirectory(stateDirectory, folder.key),
    );
  }
  await rm(recordPath(stateDirectory, sharedKey), { force: true });
  return true;
}

async function renameWhereThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error;
  }
}
