/** Edge: the file system. Makes directories of our own, outside all mounts. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Nobody else may read what is kept there. */
const ownerOnly = 0o700;

/**
 * Makes `directory` and those above it, for the owner alone; the first one that was made, undefined
 * when it was there. One step at a time: Node's own `recursive` never returns where a parent exists
 * and making a directory in it says ENOENT, as in `/proc`.
 *
 * @throws The file system's own error.
 */
export function makeDirectory(directory: string): string | undefined {
  const error = tryToMake(directory);
  if (error === undefined) return directory;
  if (error.code === 'EEXIST' && isDirectory(directory)) return undefined;
  const parent = dirname(directory);
  if (error.code !== 'ENOENT' || parent === directory || isDirectory(parent)) throw error;
  const firstMade = makeDirectory(parent);
  const again = tryToMake(directory);
  // Somebody else may have made it at the same moment.
  if (again !== undefined && !isDirectory(directory)) throw again;
  return firstMade ?? directory;
}

function tryToMake(directory: string): NodeJS.ErrnoException | undefined {
  try {
    mkdirSync(directory, { mode: ownerOnly });
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
