/**
 * Writes a file into a directory of our own in somebody else's folder. Touches the file system.
 *
 * The owner of the folder is free to make `.terrafirma` a link to `/etc`, or the file a hard link
 * of another: so each step is opened without following links, files are named through the open
 * directory, and nothing is ever written into a file that is there. Linux alone.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
const fileFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/**
 * Puts `bytes` at `directory/names…/name`, whole or not at all.
 *
 * @param directory A real path, whose last part must be no link.
 * @param names Of directories below it, made where they are missing.
 * @throws The error of the system: ELOOP or ENOTDIR where a step is a link.
 */
export async function writeInside(
  directory: string,
  { name, names }: { readonly names: readonly string[]; readonly name: string },
  bytes: Uint8Array,
): Promise<void> {
  let at = await open(directory, directoryFlags);
  try {
    for (const step of names) {
      const next = await openStep(at, step);
      await at.close();
      at = next;
    }
    await replaceFile(at, name, bytes);
  } finally {
    await at.close();
  }
}

function below({ fd }: FileHandle, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}

async function openStep(at: FileHandle, name: string): Promise<FileHandle> {
  const path = below(at, name);
  try {
    await mkdir(path, 0o755);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return await open(path, directoryFlags);
}

async function replaceFile(at: FileHandle, name: string, bytes: Uint8Array): Promise<void> {
  const beside = below(at, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(beside, fileFlags, 0o644);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, below(at, name));
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw error;
  }
}
