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

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** A pipe in place of the file must not make us wait for who writes into it. */
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const fileFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/**
 * Puts `bytes` at `directory/names…/name`, whole or not at all.
 *
 * @param directory A real path, whose last part must be no link.
 * @throws The error of the system: ELOOP or ENOTDIR where a step is a link.
 */
export function writeInside(
  directory: string,
  { name, names }: PlaceInside,
  bytes: Uint8Array,
): Promise<void> {
  return within(directory, names, (at) => replaceFile(at, name, bytes));
}

/**
 * Puts `bytes` behind what `directory/names…/name` holds. A file that would become larger than
 * `bytesMax` is kept as `earlier` instead, and begun anew.
 *
 * @throws The error of the system, as `writeInside` does.
 */
export function appendInside(
  directory: string,
  { earlier, name, names }: PlaceInside & { readonly earlier: string },
  { bytes, bytesMax }: { readonly bytes: Uint8Array; readonly bytesMax: number },
): Promise<void> {
  return within(directory, names, async (at) => {
    const before = await readFile(at, name, bytesMax);
    const isFull = before === undefined || before.length + bytes.length > bytesMax;
    if (isFull) await renameWhereThere(at, name, earlier);
    await replaceFile(at, name, isFull ? bytes : Buffer.concat([before, bytes]));
  });
}

export interface PlaceInside {
  /** Of directories, made where they are missing. */
  readonly names: readonly string[];
  readonly name: string;
}

async function within(
  directory: string,
  names: readonly string[],
  use: (at: FileHandle) => Promise<void>,
): Promise<void> {
  const at = await openInside(directory, names, true);
  try {
    await use(at);
  } finally {
    await at.close();
  }
}

/** Undefined for what is no file of ours: a link, a pipe, larger than it may be, or not there. */
async function readFile(
  at: FileHandle,
  name: string,
  bytesMax: number,
): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(below(at, name), readFlags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw error;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > bytesMax) return undefined;
    const buffer = Buffer.alloc(bytesMax + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return bytesRead > bytesMax ? undefined : buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function renameWhereThere(at: FileHandle, from: string, to: string): Promise<void> {
  try {
    await rename(below(at, from), below(at, to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
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
