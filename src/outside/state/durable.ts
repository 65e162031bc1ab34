/**
 * Edge: files that must survive a killed process and a power cut. Written beside, synced, renamed,
 * and the directory synced: a reader sees the old bytes or the new ones, never half of either.
 */
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from './make-directory.ts';

/** The end of the names of files that were being written; a leftover is nobody's. */
export const unfinishedSuffix = '.unfinished';

/**
 * Puts `bytes` at `path`, whole and for good once this resolves. Makes the directories above it.
 *
 * @throws the file system's own error; what stood at `path` is then still there
 */
export async function writeDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  await writeBeside(path, bytes, (beside) => rename(beside, path));
}

/** Bytes that lie beside their path, or soon will; disposed of, they are gone if not placed. */
export interface PreparedFile extends AsyncDisposable {
  /**
   * Puts the bytes at their path, whole and for good once this resolves to true. False: they could
   * not be written, and what stood there still does.
   */
  place(): Promise<boolean>;
}

/** Begins to write what may be wanted at `path` soon: to place it then takes one renaming. */
export function prepareDurably(path: string, bytes: Uint8Array): PreparedFile {
  const written = writeUnfinished(path, bytes, { isSynced: true }).catch(() => undefined);
  return {
    place: async () => {
      const beside = await written;
      if (beside === undefined) return false;
      try {
        await rename(beside, path);
      } catch {
        return false;
      }
      await syncDirectory(dirname(path));
      return true;
    },
    [Symbol.asyncDispose]: async () => {
      const beside = await written;
      if (beside !== undefined) await rm(beside, { force: true });
    },
  };
}

/**
 * The same without waiting for the disk: who reads after the process was killed sees the old bytes
 * or the new ones; after a power cut it may be neither. For what can be done without then.
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await writeBeside(path, bytes, (beside) => rename(beside, path), { isSynced: false });
}

/** As `writeDurably`, but only where nothing stands at `path`: else it rejects with `EEXIST`. */
export async function linkDurably(path: string, bytes: Uint8Array | string): Promise<void> {
  await writeBeside(path, bytes, async (beside) => {
    await link(beside, path);
    await rm(beside);
  });
}

async function writeBeside(
  path: string,
  bytes: Uint8Array | string,
  settle: (beside: string) => Promise<void>,
  { isSynced = true } = {},
): Promise<void> {
  const beside = await writeUnfinished(path, bytes, { isSynced });
  try {
    await settle(beside);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  if (isSynced) await syncDirectory(dirname(path));
}

/** Writes a file of its own beside `path`, whose directory it makes; answers where. */
async function writeUnfinished(
  path: string,
  bytes: Uint8Array | string,
  { isSynced }: { readonly isSynced: boolean },
): Promise<string> {
  const directory = dirname(path);
  await makeDirectoryDurably(directory);
  const tag = randomBytes(6).toString('hex');
  const beside = join(directory, `.${basename(path)}.${tag}${unfinishedSuffix}`);
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      if (isSynced) await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return beside;
}

/** Makes `directory` and those above it; what was made is durable when this resolves. */
async function makeDirectoryDurably(directory: string): Promise<void> {
  const firstMade = makeDirectory(directory);
  if (firstMade === undefined) return;
  let made = directory;
  while (made.length >= firstMade.length) {
    made = dirname(made);
    await syncDirectory(made);
  }
}

/** Makes renames and removals in `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The `code` of a file system error, e.g. `ENOENT`. */
export function fileErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
