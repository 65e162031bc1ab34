/**
 * Edge: the state directory. Keeps the original bytes of accepted modules by SHA-256 and one record
 * a folder, so that a restart serves the last good versions at once and older ones can come back.
 *
 *     modules/ab/abcdef….wasm     accepted bytes; checked against their name when read
 *     folders/<SHA-256 of the folder key>.json
 *
 * Only one daemon writes modules/ and folders/. A process killed at any moment leaves the state as
 * it was before or after the write that was running.
 */

import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mayHold } from '../../account/threshold.ts';
import { inBytes } from '../../amounts.ts';
import type { Limits } from '../../config/config.ts';
import { describeError, TerrafirmaError } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, type OwnerKey, ownerOf } from '../../names.ts';
import { syncDirectory, unfinishedSuffix, writeDurably } from '../../outside/state/durable.ts';
import { makeDirectory } from '../../outside/state/make-directory.ts';
import type { Digest } from '../../threads/messages.ts';
import { EarlyBytes, nothingEarly } from './early-bytes.ts';
import { NamedVersions } from './named-versions.ts';
import { digestsOf, type FolderRecord, formatRecord } from './record.ts';
import { listNames, openRecord, openRecords, readRecordNow, recordPath } from './record-files.ts';

/** Folders whose commits are written side by side: each waits for the disk four times. */
const commitsAtOnceMax = 16;
const keptName = /^[0-9a-f]{64}\.wasm$/;

export interface StoreOptions {
  readonly journal: Journal;
  readonly limits: Pick<Limits, 'storeBytesMax' | 'storeOwnerBytesMax'>;
}

interface Commit extends PromiseWithResolvers<unknown> {
  readonly record: FolderRecord;
  readonly added: AddedModule | undefined;
}

/** Bytes on their way into the store. */
interface Put {
  readonly owner: OwnerKey;
  readonly bytes: number;
  readonly written: Promise<void>;
}

export class ModuleStore {
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #limits: StoreOptions['limits'];
  /** What each folder's record names; a module no folder names is deleted. */
  readonly #named = new NamedVersions();
  readonly #sizes = new Map<Digest, number>();
  #usedBytes = 0;
  /** Those that came while others were written, in order. */
  #commits: Commit[] = [];
  /** Of each folder, the last commit that is not done. */
  readonly #committing = new Map<FolderKey, Promise<unknown>>();
  readonly #puts = new Map<Digest, Put>();
  readonly #early = new EarlyBytes();
  /**
   * Writes run one after another, commits of several folders as one: a module put for one folder is
   * never garbage of another.
   */
  #lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, options: StoreOptions) {
    this.#directory = directory;
    this.#journal = options.journal;
    this.#limits = options.limits;
  }

  /**
   * Opens or makes the store in `directory` and deletes what no record names.
   *
   * @throws TerrafirmaError('state') when the directory cannot be used
   */
  static async open(directory: string, options: StoreOptions): Promise<ModuleStore> {
    const store = new ModuleStore(directory, options);
    try {
      makeDirectory(join(directory, 'modules'));
      makeDirectory(join(directory, 'folders'));
      const { records, damaged } = await openRecords(directory, options.journal);
      for (const record of records) store.#named.set(record.folderKey, digestsOf(record));
      // What a damaged record has named stays until the next start: it may be put right.
      await store.#sweep({ isAllNamed: damaged === 0 });
    } catch (error) {
      const detail = `Cannot use the state directory ${directory}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
    return store;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether the bytes of an accepted version are here. */
  has(digest: Digest): boolean {
    return this.#sizes.has(digest);
  }

  /** Bytes of an accepted version; undefined where they are not here. */
  sizeOf(digest: Digest): number | undefined {
    return this.#sizes.get(digest);
  }

  /** All versions whose bytes are here. */
  digests(): readonly Digest[] {
    return [...this.#sizes.keys()];
  }

  /** Who answers for a version; see named-versions.ts. */
  ownerOf(digest: Digest): OwnerKey {
    return this.#named.ownerOf(digest) ?? ('' as OwnerKey);
  }

  /**
   * The record of a folder, with all that was committed before; undefined when there is none, or it
   * was damaged and has been put aside.
   *
   * @throws TerrafirmaError('state') when the system does not let it be read: it may be whole
   */
  async readFolder(folderKey: FolderKey): Promise<FolderRecord | undefined> {
    // A folder that was given up, and is used again, has its last versions still under way. Whether
    // they were kept is told to who committed them.
    await this.#committing.get(folderKey)?.catch(() => undefined);
    return await this.#readRecord(folderKey, readRecordNow);
  }

  async #readRecord(
    folderKey: FolderKey,
    read?: typeof readRecordNow,
  ): Promise<FolderRecord | undefined> {
    try {
      return await openRecord(recordPath(this.#directory, folderKey), this.#journal, read);
    } catch (error) {
      const detail = `Cannot read the record of ${folderKey}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
  }

  /**
   * The bytes of an accepted module.
   *
   * @throws TerrafirmaError('state') when they are not there or are not what their name says; a
   *   damaged file is deleted so that it can be accepted again
   */
  async readModule(digest: Digest): Promise<Uint8Array<ArrayBuffer>> {
    const path = keptPathOf(this.#directory, digest);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = new Uint8Array(await readFile(path));
    } catch (error) {
      throw new TerrafirmaError('state', `Cannot read ${digest}: ${describeError(error)}`);
    }
    if (createHash('sha256').update(bytes).digest('hex') === digest) return bytes;
    this.#journal.tell('module-damaged', { digest });
    await this.#serialise(() => this.#remove(digest));
    throw new TerrafirmaError('state', `Cannot read ${digest}: its bytes are damaged`);
  }

  /**
   * Makes `record` the folder's, with the bytes of a version it newly names. Durable when this
   * resolves; what no record names any more is deleted.
   *
   * @throws TerrafirmaError('state') when the store is full or the disk fails, and the earlier
   *   record then still holds
   */
  async commit(record: FolderRecord, added?: AddedModule): Promise<void> {
    const commit = { record, added, ...Promise.withResolvers<unknown>() };
    this.#commits.push(commit);
    this.#serialise(() => this.#commitSome()).catch(commit.reject);
    const { folderKey } = record;
    this.#committing.set(folderKey, commit.promise);
    try {
      await commit.promise;
    } finally {
      const isLast = this.#committing.get(folderKey) === commit.promise;
      if (isLast) this.#committing.delete(folderKey);
    }
  }

  /** The next commits that came, if they are not done yet; each is told what became of its own. */
  async #commitSome(): Promise<void> {
    const commits = this.#takeCommits();
    const writes = commits.map((commit) => this.#write(commit));
    const outcomes = await Promise.allSettled(writes);
    const unnamed = new Set<Digest>();
    for (const [index, { record, added }] of commits.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === 'fulfilled') {
        const dropped = this.#named.set(record.folderKey, outcome.value);
        for (const digest of dropped) unnamed.add(digest);
      } else if (added !== undefined) unnamed.add(added.digest);
    }
    try {
      for (const digest of unnamed) await this.#removeUnnamed(digest);
    } finally {
      for (const [index, { resolve }] of commits.entries()) resolve(writes[index]);
    }
  }

  /** One of each folder: the record that comes last is the one that holds. */
  #takeCommits(): readonly Commit[] {
    const taken = new Map<FolderKey, Commit>();
    for (const commit of this.#commits) {
      const { folderKey } = commit.record;
      if (taken.size < commitsAtOnceMax && !taken.has(folderKey)) taken.set(folderKey, commit);
    }
    const commits = [...taken.values()];
    this.#commits = this.#commits.filter((commit) => taken.get(commit.record.folderKey) !== commit);
    return commits;
  }

  /** Resolves to what the record names that lies on the disk now: its folder may have gone on. */
  async #write({ record, added }: Pick<Commit, 'record' | 'added'>): Promise<ReadonlySet<Digest>> {
    if (added !== undefined) await this.#put(record.folderKey, added);
    const text = formatRecord(record);
    const named = digestsOf(record);
    try {
      await writeDurably(recordPath(this.#directory, record.folderKey), text);
      return named;
    } catch (error) {
      const detail = `Cannot keep the record of ${record.folderKey}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
  }

  /**
   * Changes the record of a folder as it is when its turn has come: the folder may have been used,
   * and given up again, since the caller read it, and what it accepted is not lost.
   * Resolves to what is kept then; nothing is done where there is none.
   *
   * @param change Hands back the record to keep: the same one where nothing changes, undefined
   *   where all that is kept of the folder may go. Called between two writes.
   * @throws TerrafirmaError('state') when the disk fails
   */
  async revise(
    folderKey: FolderKey,
    change: (newest: FolderRecord) => FolderRecord | undefined,
  ): Promise<FolderRecord | undefined> {
    return await this.#serialise(async () => {
      const newest = await this.#readRecord(folderKey);
      if (newest === undefined) return undefined;
      const next = change(newest);
      if (next === newest) return next;
      const named = next === undefined ? new Set<Digest>() : digestsOf(next);
      if (next === undefined) await this.#removeRecord(folderKey);
      else await this.#write({ record: next, added: undefined });
      for (const digest of this.#named.set(folderKey, named)) await this.#removeUnnamed(digest);
      return next;
    });
  }

  async #removeRecord(folderKey: FolderKey): Promise<void> {
    try {
      await rm(recordPath(this.#directory, folderKey), { recursive: true, force: true });
    } catch (error) {
      const detail = `Cannot forget the folder ${folderKey}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
  }

  /** The module may soon be committed. Dispose of the answer when that is over; early-bytes.ts. */
  foresee({ digest, bytes }: AddedModule): AsyncDisposable {
    if (this.#sizes.has(digest)) return nothingEarly;
    return this.#early.begin(digest, { path: keptPathOf(this.#directory, digest), bytes });
  }

  /** Bytes of the versions that the folders of an owner name, each once. */
  bytesOf(owner: OwnerKey): number {
    let bytes = 0;
    for (const digest of this.#named.of(owner)) bytes += this.#sizes.get(digest) ?? 0;
    return bytes;
  }

  async #put(folderKey: FolderKey, { digest, bytes }: AddedModule): Promise<void> {
    if (this.#sizes.has(digest)) return;
    const known = this.#puts.get(digest);
    if (known !== undefined) {
      await known.written;
      return;
    }
    const owner = ownerOf(folderKey);
    this.#requireRoom(owner, bytes.length);
    const written = this.#putBytes(digest, bytes).finally(() => this.#puts.delete(digest));
    this.#puts.set(digest, { owner, bytes: bytes.length, written });
    await written;
  }

  async #putBytes(digest: Digest, bytes: Uint8Array): Promise<void> {
    try {
      const isPlaced = await this.#early.place(digest);
      if (!isPlaced) await writeDurably(keptPathOf(this.#directory, digest), bytes);
    } catch (error) {
      const detail = `Cannot keep the module ${digest}: ${describeError(error)}`;
      throw new TerrafirmaError('state', detail, { cause: error });
    }
    this.#sizes.set(digest, bytes.length);
    this.#usedBytes += bytes.length;
  }

  /** An owner has a quota, and no more of the store than is left for the others. */
  #requireRoom(owner: OwnerKey, added: number): void {
    const { storeBytesMax: max, storeOwnerBytesMax } = this.#limits;
    let own = this.bytesOf(owner);
    let held = this.#usedBytes;
    for (const put of this.#puts.values()) {
      held += put.bytes;
      if (put.owner === owner) own += put.bytes;
    }
    if (own + added > storeOwnerBytesMax) {
      const rule = `versions of one owner's modules have at most ${inBytes(storeOwnerBytesMax)}`;
      throw noRoom(`${rule}: received ${own + added}`);
    }
    if (held + added > max)
      throw noRoom(`the store holds at most ${inBytes(max)}: received ${held + added}`);
    if (mayHold({ max, held, own, added })) return;
    const rule = 'an owner keeps no more than is left for the others';
    throw noRoom(`${rule}: received ${own + added} bytes where ${max - held} are left`);
  }

  async #removeUnnamed(digest: Digest): Promise<void> {
    if (this.#named.has(digest)) return;
    await this.#remove(digest);
  }

  async #remove(digest: Digest): Promise<void> {
    await rm(keptPathOf(this.#directory, digest), { recursive: true, force: true });
    this.#usedBytes -= this.#sizes.get(digest) ?? 0;
    this.#sizes.delete(digest);
  }

  /**
   * Measures modules/ and deletes leftovers of killed writes, and modules no record names where
   * what records name is known.
   */
  async #sweep({ isAllNamed }: { readonly isAllNamed: boolean }): Promise<void> {
    await sweepUnfinished(join(this.#directory, 'folders'));
    const root = join(this.#directory, 'modules');
    for (const shard of await readdir(root)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue;
      const shardPath = join(root, shard);
      for (const name of await readdir(shardPath)) {
        const path = join(shardPath, name);
        const digest = name.replace(/\.wasm$/, '') as Digest;
        const isKept = keptName.test(name) && (this.#named.has(digest) || !isAllNamed);
        if (!isKept) {
          await rm(path, { force: true, recursive: true });
          continue;
        }
        const found = await lstat(path);
        if (!found.isFile()) {
          // In its place the bytes would find no room; whoever put it there may look at it.
          await rename(path, `${path}.damaged-${Date.now()}`);
          this.#journal.tell('module-damaged', { digest });
          continue;
        }
        this.#sizes.set(digest, found.size);
        this.#usedBytes += found.size;
      }
      await syncDirectory(shardPath);
    }
  }

  async #serialise<T>(write: () => Promise<T>): Promise<T> {
    const result = this.#lastWrite.then(write, write);
    // Who asked for it is told; the next write goes on.
    this.#lastWrite = result.catch(() => undefined);
    return await result;
  }
}

function noRoom(rule: string): TerrafirmaError {
  return new TerrafirmaError(
    'state',
    `Cannot keep the module: ${rule}; delete modules that are not needed, then copy this one again`,
  );
}

export interface AddedModule {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** Where the bytes of an accepted module are. */
export function keptPathOf(stateDirectory: string, digest: Digest): string {
  return join(stateDirectory, 'modules', digest.slice(0, 2), `${digest}.wasm`);
}

async function sweepUnfinished(directory: string): Promise<void> {
  for (const name of await listNames(directory)) {
    if (name.endsWith(unfinishedSuffix))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}
