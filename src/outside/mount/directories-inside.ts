/**
 * Directories of our own in somebody else's folder, opened step by step without following links:
 * the owner of the folder is free to make `.terrafirma` a link to `/etc`. Touches the file system;
 * Linux alone, where an open directory has a path of its own.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, unlink } from 'node:fs/promises';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** The path of `name` in the open directory, whatever happens to the directory's own path. */
export function below({ fd }: FileHandle, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}

/**
 * Opens `directory/names…`. The caller closes.
 *
 * @param directory A real path, whose last part must be no link.
 * @param makes Whether what is missing is made.
 * @throws The error of the system: ELOOP or ENOTDIR where a step is a link, ENOENT.
 */
export async function openInside(
  directory: string,
  names: readonly string[],
  makes: boolean,
): Promise<FileHandle> {
  let at = await open(directory, directoryFlags);
  try {
    for (const name of names) {
      const path = below(at, name);
      if (makes) await makeStep(path);
      const next = await open(path, directoryFlags);
      await at.close();
      at = next;
    }
    return at;
  } catch (error) {
    await at.close();
    throw error;
  }
}

async function makeStep(path: string): Promise<void> {
  try {
    await mkdir(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The names of regular files in `directory/names…`: the first so many, in the disk's order. */
export async function listInside(
  directory: string,
  names: readonly string[],
  entriesMax: number,
): Promise<readonly string[]> {
  const at = await openInside(directory, names, false);
  try {
    const found: string[] = [];
    await using entries = await opendir(below(at, '.'));
    let left = entriesMax;
    for (let entry = await entries.read(); entry !== null && left > 0; left -= 1) {
      if (entry.isFile()) found.push(entry.name);
      entry = await entries.read();
    }
    return found;
  } finally {
    await at.close();
  }
}

/** Removes the entry itself, never what it may lead to. */
export async function removeInside(
  directory: string,
  names: readonly string[],
  name: string,
): Promise<void> {
  const at = await openInside(directory, names, false);
  try {
    await unlink(below(at, name));
  } finally {
    await at.close();
  }
}
