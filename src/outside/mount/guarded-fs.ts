/**
 * Edge: the file system below one mount, as one owner may use it: every operation has a time limit
 * and its turn; see `mount-guard.ts`.
 */

import type { BigIntStats, Dir, Dirent, StatsFs } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, opendir, realpath, stat, statfs } from 'node:fs/promises';
import { inBytes } from '../../amounts.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { OwnerKey } from '../../names.ts';
import { closeDescriptor, openDescriptor } from './descriptors.ts';
import { GuardedFile } from './guarded-file.ts';
import type { MountGuard, Operation } from './mount-guard.ts';

const readChunkBytes = 1_048_576;
const directoryBatchEntries = 256;
const nothingMore: Promise<readonly Dirent[]> = Promise.resolve([]);
/** Reading only; a FIFO must not block the opening, a terminal must not become ours. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * File operations of one owner. Errors of the system pass through unchanged (`errnoOf`), but for
 * two: what the guard refuses is TerrafirmaError `folder-unreachable`, and too many open files are
 * `overloaded`.
 */
export class GuardedFs {
  readonly #guard: MountGuard;
  readonly #owner: OwnerKey;

  constructor(guard: MountGuard, owner: OwnerKey) {
    this.#guard = guard;
    this.#owner = owner;
  }

  stat(path: string): Promise<BigIntStats> {
    return this.run({ name: 'stat', path, start: () => stat(path, { bigint: true }) });
  }

  lstat(path: string): Promise<BigIntStats> {
    return this.run({ name: 'lstat', path, start: () => lstat(path, { bigint: true }) });
  }

  realpath(path: string): Promise<string> {
    return this.run({ name: 'realpath', path, start: () => realpath(path) });
  }

  /** The file system's own facts; `type` is the magic number on Linux. */
  statfs(path: string): Promise<StatsFs> {
    return this.run({ name: 'statfs', path, start: () => statfs(path) });
  }

  /** At most `entriesMax` entries, in the order of the disk; `isCut` says that there are more. */
  readdir(path: string, entriesMax: number): Promise<{ entries: Dirent[]; isCut: boolean }> {
    return this.run({ name: 'readdir', path, start: () => readEntries(path, entriesMax) });
  }

  /** Opens a directory to read it piece by piece. The caller closes. */
  async openDirectory(path: string): Promise<GuardedDirectory> {
    const directory = await this.run({
      name: 'readdir',
      path,
      start: () => opendir(path, { bufferSize: directoryBatchEntries }),
      discard: (late) => late.close(),
    });
    return new GuardedDirectory(this, directory, path);
  }

  /**
   * To be asked before "there is no such file" is believed: when a mount goes away, its folders go
   * with it, and what is left says ENOENT of everything.
   *
   * @throws TerrafirmaError `folder-unreachable`: there is no directory at `path` now.
   */
  async requireDirectory(path: string): Promise<void> {
    let reason = 'it is no directory now';
    try {
      if ((await this.stat(path)).isDirectory()) return;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      reason = String(error);
    }
    const detail = `Cannot reach ${JSON.stringify(path)}: ${reason}`;
    throw new TerrafirmaError('folder-unreachable', detail);
  }

  /** Opens for reading. The caller closes, also when something in between throws. */
  async open(path: string): Promise<GuardedFile> {
    const descriptor = await this.run({
      name: 'open',
      path,
      start: () => openDescriptor(path, openFlags),
      discard: closeDescriptor,
    });
    return new GuardedFile((operation) => this.run(operation), { descriptor, path });
  }

  /**
   * Reads a regular file whole, with the facts it had before and after, so that the caller can tell
   * whether somebody wrote meanwhile.
   *
   * @throws TerrafirmaError `not-found` for what is no regular file; FileTooLargeError for a file
   * over `bytesMax`.
   */
  async readFile(path: string, bytesMax: number): Promise<ReadFile> {
    await using file = await this.open(path);
    return await readWhole(file, bytesMax);
  }

  /** Runs one operation in its turn and under the time limit. */
  async run<T>(operation: Operation<T>): Promise<T> {
    try {
      return await this.#guard.run(this.#owner, operation);
    } catch (error) {
      throw outOfFilesCodes.has(errnoOf(error) ?? '') ? outOfFiles(error) : error;
    }
  }
}

/** `GuardedFs.readFile` of a file that is open. */
export async function readWhole(file: GuardedFile, bytesMax: number): Promise<ReadFile> {
  const before = await file.stat();
  if (!before.isFile()) {
    throw new TerrafirmaError('not-found', 'Cannot read the file: it is not a regular file');
  }
  if (before.size > BigInt(bytesMax)) throw new FileTooLargeError(before.size, bytesMax);
  const bytes = new Uint8Array(Number(before.size));
  let length = 0;
  while (length < bytes.length) {
    const chunkBytes = Math.min(readChunkBytes, bytes.length - length);
    const read = await file.read(bytes.subarray(length, length + chunkBytes), length);
    if (read === 0) break;
    length += read;
  }
  return { bytes: bytes.subarray(0, length), before, after: await file.stat() };
}

/** What a whole read saw. `bytes` is shorter than `before.size` when the file shrank meanwhile. */
export interface ReadFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly before: BigIntStats;
  readonly after: BigIntStats;
}

export class FileTooLargeError extends Error {
  override readonly name = 'FileTooLargeError';
  readonly sizeBytes: bigint;

  constructor(sizeBytes: bigint, bytesMax: number) {
    super(`Cannot read the file: at most ${inBytes(bytesMax)}: received ${sizeBytes}`);
    this.sizeBytes = sizeBytes;
  }
}

/** An open directory, read in pieces, each a guarded operation. Made by `openDirectory`. */
export class GuardedDirectory implements AsyncDisposable {
  readonly #fileSystem: GuardedFs;
  readonly #directory: Dir;
  readonly #path: string;
  #isReading = false;
  #isAtEnd = false;

  constructor(fileSystem: GuardedFs, directory: Dir, path: string) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#path = path;
  }

  /** The next entries, in the order of the disk; none at the end. */
  next(): Promise<readonly Dirent[]> {
    if (this.#isAtEnd) return nothingMore;
    const start = async (): Promise<Dirent[]> => {
      this.#isReading = true;
      try {
        const batch = await readBatch(this.#directory);
        this.#isAtEnd = batch.length < directoryBatchEntries;
        return batch;
      } finally {
        this.#isReading = false;
      }
    };
    return this.#fileSystem.run({ name: 'readdir', path: this.#path, start });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = { name: 'close', path: this.#path, isPatient: true };
    const start = (): Promise<void> => this.#directory.close();
    // It was only read: there is nothing to lose by a failed closing.
    const closed = this.#fileSystem.run({ ...closing, start }).catch(errnoOf);
    // Behind a read that hangs it has its turn when that ends: who has given up waits for nothing.
    if (!this.#isReading) await closed;
  }
}

async function readBatch(directory: Dir): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  while (entries.length < directoryBatchEntries) {
    const entry = await directory.read();
    if (entry === null) break;
    entries.push(entry);
  }
  return entries;
}

/** The system's error code, e.g. `ENOENT`; undefined for errors that are not the system's. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** Of this process and of the whole machine: neither the file's doing nor the mount's. */
const outOfFilesCodes = new Set(['EMFILE', 'ENFILE']);

/** Visitors may read it: it names no path. */
function outOfFiles(cause: unknown): TerrafirmaError {
  const detail = 'Cannot read the folder now: too many files and connections are open';
  return new TerrafirmaError('overloaded', detail, { cause });
}

const unreachable = new Set([
  'ESTALE',
  'EIO',
  'ETIMEDOUT',
  'ENOTCONN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENODEV',
  'ENXIO',
  'EREMOTEIO',
]);

/** Whether the error says that the mount is gone or hangs, not that the one file is missing. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof TerrafirmaError) return error.code === 'folder-unreachable';
  return unreachable.has(errnoOf(error) ?? '');
}

/** Whether the error says nothing about the file: the mount is away, or we have no files left. */
export function isPassing(error: unknown): boolean {
  return isUnreachable(error) || (error instanceof TerrafirmaError && error.code === 'overloaded');
}

async function readEntries(
  path: string,
  entriesMax: number,
): Promise<{ entries: Dirent[]; isCut: boolean }> {
  const entries: Dirent[] = [];
  await using directory = await opendir(path, { bufferSize: directoryBatchEntries });
  for (let entry = await directory.read(); entry !== null; entry = await directory.read()) {
    if (entries.length === entriesMax) return { entries, isCut: true };
    entries.push(entry);
  }
  return { entries, isCut: false };
}
