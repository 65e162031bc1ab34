/** Edge: the files of the state directory that hold folders' records. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FolderKey } from '../../names.ts';
import { fileErrorCode } from '../../outside/state/durable.ts';
import { readTextNow } from '../../outside/state/read-now.ts';
import { type FolderRecord, parseRecord } from './record.ts';

/** A record larger than this was not written by us. */
const recordBytesMax = 16 * 1024 ** 2;

/** All records of the state directory; those that cannot be read are logged and left out. */
export async function readRecords(
  stateDirectory: string,
  journal: Journal,
): Promise<readonly FolderRecord[]> {
  const records: FolderRecord[] = [];
  for (const path of await listPaths(stateDirectory)) {
    const record = await readOrTell(path, journal);
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** The record of a folder; undefined when there is none or it cannot be read, which is logged. */
export async function readFolderRecord(
  stateDirectory: string,
  folderKey: FolderKey,
  journal: Journal,
): Promise<FolderRecord | undefined> {
  return await readOrTell(recordPath(stateDirectory, folderKey), journal);
}

export interface OpenedRecords {
  readonly records: readonly FolderRecord[];
  /** How many were put aside. */
  readonly damaged: number;
}

/**
 * All records, for the one daemon that writes them; see `openRecord`.
 *
 * @throws the file system's own error
 */
export async function openRecords(
  stateDirectory: string,
  journal: Journal,
): Promise<OpenedRecords> {
  const paths = await listPaths(stateDirectory);
  const records: FolderRecord[] = [];
  for (const path of paths) {
    const record = await openRecord(path, journal);
    if (record !== undefined) records.push(record);
  }
  return { records, damaged: paths.length - records.length };
}

/**
 * The record at `path`, for the one daemon that writes it. What stands there and is none is put
 * aside, for whoever wants to look at it, so that the next one finds a place; undefined then, and
 * when nothing stands there.
 *
 * @throws the file system's own error when it cannot be read for another reason, such as too many
 *   open files: it may be whole, and must not be replaced
 */
export async function openRecord(
  path: string,
  journal: Journal,
  read: RecordReader = readRecord,
): Promise<FolderRecord | undefined> {
  try {
    return await read(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = `${path}.damaged-${Date.now()}`;
    await rename(path, aside);
    journal.tell('folder-record-damaged', {
      file: path,
      reason: `${reasonOf(error)}; it lies at ${aside} now`,
    });
    return undefined;
  }
}

/** How a record is read; undefined: there is none. */
type RecordReader = (path: string) => Promise<FolderRecord | undefined> | FolderRecord | undefined;

/** The record at `path`, for a visitor who waits. @throws as `openRecord` says of its reading */
export function readRecordNow(path: string): FolderRecord | undefined {
  const text = readTextNow(path, recordBytesMax);
  return text === undefined ? undefined : parseRecord(text);
}

async function readOrTell(path: string, journal: Journal): Promise<FolderRecord | undefined> {
  try {
    return await readRecord(path);
  } catch (error) {
    journal.tell('folder-record-damaged', { file: path, reason: reasonOf(error) });
    return undefined;
  }
}

/** Undefined when there is none. */
async function readRecord(path: string): Promise<FolderRecord | undefined> {
  try {
    const { size } = await stat(path);
    if (size <= recordBytesMax) return parseRecord(await readFile(path, 'utf8'));
    const rule = `a record has at most ${recordBytesMax} bytes`;
    throw new TerrafirmaError('state', `Cannot read the record: ${rule}: received ${size}`);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where it was thrown says nothing to whoever reads the log. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What stands there is no record, whoever reads it and whenever. */
function isDamage(error: unknown): boolean {
  return error instanceof TerrafirmaError || fileErrorCode(error) === 'EISDIR';
}

async function listPaths(stateDirectory: string): Promise<readonly string[]> {
  const folder = join(stateDirectory, 'folders');
  const names = await listNames(folder);
  return names.filter((name) => name.endsWith('.json')).map((name) => join(folder, name));
}

/** The names in a directory, none when it does not exist. */
export async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export function recordPath(stateDirectory: string, folderKey: FolderKey): string {
  return join(stateDirectory, 'folders', `${hashName(folderKey)}.json`);
}

/** A file name for any text: folder keys hold slashes and may be longer than a name can be. */
export function hashName(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
