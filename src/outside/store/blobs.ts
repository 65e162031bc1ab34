/**
 * Edge: blobs as files of a directory, named by their digest, written beside and renamed. What is
 * read is checked: a file whose bytes do not match its name counts as absent.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../names.ts';
import { fileErrorCode, syncDirectory, writeDurably } from '../state/durable.ts';
import { type Blobs, type StoredBlob, StoreError } from './contract.ts';

export class DirectoryBlobs implements Blobs {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (digestOf(bytes) !== digest) {
      const rule = 'the bytes must be those of the digest';
      throw new StoreError('input', `Cannot store: ${rule}: received others`);
    }
    await guarded('store', () => writeDurably(this.#path(digest), bytes));
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    const bytes = await guarded('read', () => unlessAbsent(readFile(this.#path(digest))));
    return bytes === undefined || digestOf(bytes) !== digest ? undefined : bytes;
  }

  async *list(): AsyncGenerator<StoredBlob> {
    const names = await guarded('list', () => unlessAbsent(readdir(this.#directory)));
    for (const name of names ?? []) {
      if (!isDigest(name)) continue;
      const storedAtMs = await guarded('list', () => this.#storedAtMs(name));
      if (storedAtMs !== undefined) yield { digest: name, storedAtMs };
    }
  }

  async remove({ digest, storedAtMs }: StoredBlob): Promise<boolean> {
    return await guarded('remove', async () => {
      if ((await this.#storedAtMs(digest)) !== storedAtMs) return false;
      await rm(this.#path(digest), { recursive: true, force: true });
      await unlessAbsent(syncDirectory(this.#directory));
      return true;
    });
  }

  /** Undefined: it is not there. */
  async #storedAtMs(digest: Digest): Promise<number | undefined> {
    const found = await unlessAbsent(stat(this.#path(digest)));
    return found === undefined ? undefined : Math.round(found.mtimeMs);
  }

  #path(digest: Digest): string {
    return join(this.#directory, digest);
  }
}

/** Others are what was being written when a process was killed. */
function isDigest(name: string): name is Digest {
  return /^[0-9a-f]{64}$/.test(name);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The system's message names a path of this machine: it stays in the cause. */
async function guarded<T>(verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = fileErrorCode(cause) ?? 'another error';
    const kind = code === 'ENOSPC' ? 'full' : 'unavailable';
    const rule = 'the directory of the blobs must be usable';
    throw new StoreError(kind, `Cannot ${verb}: ${rule}: received ${code}`, { cause });
  }
}
