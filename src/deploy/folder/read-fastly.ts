/** A folder's `fastly.toml`, read once with all that it names: for commands, which do not watch. */
import { join } from 'node:path';
import type { Limits } from '../../config/config.ts';
import { errnoOf, FileTooLargeError } from '../../outside/mount/guarded-fs.ts';
import { badFastlyToml, fastlyName, parseFastlyToml } from '../../site/fastly/fastly-toml.ts';
import { mergeFastly, withPrivate } from '../../site/fastly/merge.ts';
import { parseSettings, requireNames, type SiteSettings } from '../../site/settings.ts';
import { type FastlyFilesPlace, type ResolvedFastly, resolveFastly } from './fastly-files.ts';

export interface ReadFastlyPlace extends FastlyFilesPlace {
  readonly limits: Pick<Limits, 'fastlyTomlBytesMax' | 'fastlyFilesBytesMax'>;
}

/**
 * Undefined where there is none.
 *
 * @throws TerrafirmaError `bad-settings`; what says that the mount is away
 */
export async function readFastly(place: ReadFastlyPlace): Promise<ResolvedFastly | undefined> {
  const { fs, directory, limits } = place;
  const path = join(directory, fastlyName);
  try {
    if (!(await fs.lstat(path)).isFile()) {
      throw badFastlyToml(`${fastlyName}: it must be a regular file: received something else`);
    }
    const { bytes } = await fs.readFile(path, limits.fastlyTomlBytesMax);
    const local = parseFastlyToml(bytes, limits.fastlyTomlBytesMax);
    return await resolveFastly({ local, text: Buffer.from(bytes).toString('utf8') }, place);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (error instanceof FileTooLargeError) throw badFastlyToml(`${fastlyName}: ${error.message}`);
    throw error;
  }
}

/**
 * What a folder has by both files.
 *
 * @param bytes Of the `terrafirma.toml`; undefined where there is none.
 * @throws TerrafirmaError `bad-settings`
 */
export function settingsOfBoth(
  bytes: Uint8Array | undefined,
  bytesMax: number,
  fastly: ResolvedFastly | undefined,
): SiteSettings {
  const settings = parseSettings(bytes, bytesMax, { areNamesLater: true });
  const both =
    fastly === undefined
      ? settings
      : withPrivate(mergeFastly(settings, fastly.settings), fastly.paths);
  if (bytes !== undefined) requireNames(settings, Buffer.from(bytes).toString('utf8'), both);
  return both;
}
