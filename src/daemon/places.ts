/** Edge: where the folders of this daemon are, in both modes, at the start and again and again. */
import { realpathSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { localFolderKey, ownerOf, parseFolderPath } from '../names.ts';
import { type LocatedFolder, Locator } from '../outside/mount/locate.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';

export interface Places {
  readonly locator: Locator;
  /** The one folder of folder mode; undefined in mount mode. */
  readonly folder: LocatedFolder | undefined;
  /** Where a folder in use is now. Rejects with TerrafirmaError or the error of the system. */
  relocate(located: LocatedFolder): Promise<LocatedFolder>;
}

/** @throws the error of the system when the folder of folder mode is not there */
export function openPlaces(config: Config, guards: MountGuards): Places {
  const { mounts, botUser, folder: served } = config;
  const locator = new Locator({ mounts, botUser, guards });
  if (served === undefined) {
    const relocate = (located: LocatedFolder): Promise<LocatedFolder> =>
      locator.locate(parseFolderPath(located.key));
    return { locator, folder: undefined, relocate };
  }
  const folder = locateFolder(served);
  const fs = guards.fsOf(folder.mount.directory, ownerOf(folder.key));
  const relocate = async (located: LocatedFolder): Promise<LocatedFolder> => ({
    ...located,
    directory: await fs.realpath(served),
  });
  return { locator, folder, relocate };
}

/**
 * In folder mode the one folder is its own mount. Its key is its path as the operator wrote it,
 * made absolute: a link that is swapped for the next release stays the same folder, with its data.
 */
function locateFolder(served: string): LocatedFolder {
  const directory = realpathSync(served);
  const key = localFolderKey(served);
  return { key, directory, mount: { prefix: key, directory, watch: 'auto' }, signs: [served] };
}
