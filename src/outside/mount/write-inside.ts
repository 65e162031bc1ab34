/**
 * Writes a file into a directory of our own in somebody else's folder. Touches the file system.
 *
 * Its owner may make the file a hard link of another: so nothing is ever written into a file that
 * is there. The way to it is walked as in `directories-inside.ts`. Linux alone.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { below, openInside } from './directories-inside.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
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
  const at = await openInside(directory, names, true);
  try {
    await replaceFile(at, name, bytes);
  } finally {
    await at.close();
  }
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
