/**
 * Files of `/data` that a run has open: each a copy of its own, which is stored whole when it is
 * closed or synced. Nobody sees half a file, and of two runs that write one at once the last to
 * close it wins whole. What was not stored when a run fails is gone with it.
 */
import { Buffer } from 'node:buffer';
import type { KeyValueStore, StoreChange, StoredEntry } from '../../../capability/kv/contract.ts';
import { CapabilityRefusal } from '../../../capability/refusal.ts';
import type { HostMemory } from '../../abi.ts';
import { WasiError } from './errno.ts';
import { filetype } from './filetype.ts';
import { MemoryContent } from './memory-content.ts';
import type { NewTimes, NodeFacts } from './node.ts';

export interface DataOptions {
  readonly store: KeyValueStore;
  readonly device: bigint;
  /** Of one file. */
  readonly fileBytesMax: number;
  /** Of all that a run has open at once. */
  readonly bytesMax: number;
  /** Of one path. */
  readonly pathBytesMax: number;
  /** Nanoseconds since the Unix epoch. */
  readonly nowNs: () => bigint;
  readonly hostMemory?: HostMemory | undefined;
}

/** What is noted of a file beside its bytes: when it was changed, in nanoseconds. */
const metaBytes = 8;

export class WorkingFiles {
  readonly options: DataOptions;
  readonly #open = new Map<string, WorkingFile>();
  #heldBytes = 0;

  constructor(options: DataOptions) {
    this.options = options;
  }

  find(path: string): WorkingFile | undefined {
    return this.#open.get(path);
  }

  /** Of files that are open, or made and not stored yet. */
  paths(): Iterable<string> {
    return this.#open.keys();
  }

  /**
   * A copy of what is stored, or a new one that is to be stored.
   *
   * @throws WasiError `nospc`
   */
  take(path: string, entry: StoredEntry | undefined): WorkingFile {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    const file = new WorkingFile(this, path, entry);
    this.#open.set(path, file);
    return file;
  }

  /** The file has another path from now on, or none. */
  move(file: WorkingFile, path: string | undefined): void {
    if (file.path !== undefined) this.#open.delete(file.path);
    file.path = path;
    if (path === undefined) return;
    const replaced = this.#open.get(path);
    if (replaced !== undefined) replaced.path = undefined;
    this.#open.set(path, file);
  }

  drop(file: WorkingFile): void {
    if (file.path !== undefined && this.#open.get(file.path) === file) {
      this.#open.delete(file.path);
    }
  }

  /**
   * Stores all that is not stored yet.
   *
   * @throws WasiError
   */
  async saveAll(): Promise<void> {
    for (const file of [...this.#open.values()]) await file.save();
  }

  get hasUnsaved(): boolean {
    return [...this.#open.values()].some((file) => file.isChanged);
  }

  /** @throws WasiError `nospc` */
  hold(bytes: number): void {
    const { bytesMax, hostMemory } = this.options;
    if (this.#heldBytes + bytes > bytesMax) throw new WasiError('nospc');
    if (bytes > 0 && hostMemory?.tryHold(bytes) === false) throw new WasiError('nospc');
    if (bytes < 0) hostMemory?.release(-bytes);
    this.#heldBytes += bytes;
  }
}

export class WorkingFile {
  /** Undefined after it was unlinked: it is stored nowhere. */
  path: string | undefined;
  isChanged: boolean;
  readonly #files: WorkingFiles;
  readonly #content = new MemoryContent();
  #modifiedNs: bigint;
  #heldBytes = 0;
  #openCount = 0;

  constructor(files: WorkingFiles, path: string, entry: StoredEntry | undefined) {
    this.#files = files;
    this.path = path;
    this.isChanged = entry === undefined;
    this.#modifiedNs = entry === undefined ? files.options.nowNs() : modifiedNsOf(entry);
    if (entry === undefined) return;
    this.#reserve(entry.value.length);
    this.#content.write(0, entry.value);
  }

  get facts(): NodeFacts {
    return factsOf(this.path ?? '', {
      sizeBytes: this.#content.length,
      modifiedNs: this.#modifiedNs,
    });
  }

  retain(): void {
    this.#openCount += 1;
  }

  /**
   * One descriptor less; the last one stores.
   *
   * @throws WasiError
   */
  async release(): Promise<void> {
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    try {
      await this.save();
    } finally {
      this.#files.drop(this);
      this.#files.hold(-this.#heldBytes);
      this.#heldBytes = 0;
      this.#content.clear();
    }
  }

  read(position: bigint, bytesMax: number): Uint8Array {
    if (position >= BigInt(this.#content.length)) return new Uint8Array(0);
    return this.#content.read(Number(position), bytesMax);
  }

  /** @throws WasiError `fbig`, `nospc` */
  write(position: bigint, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#reserve(position + BigInt(bytes.length));
    this.#content.write(Number(position), bytes);
    this.#touch();
  }

  /** @throws WasiError `fbig`, `nospc` */
  resize(sizeBytes: bigint): void {
    this.#reserve(sizeBytes);
    this.#content.resize(Number(sizeBytes));
    this.#touch();
  }

  allocate(sizeBytes: bigint): void {
    if (sizeBytes > BigInt(this.#content.length)) this.resize(sizeBytes);
  }

  setTimes({ modifiedNs }: NewTimes): void {
    if (modifiedNs === undefined) return;
    this.#modifiedNs = modifiedNs;
    this.isChanged = true;
  }

  /** What is stored of it from now on. */
  entry(): { readonly value: Uint8Array; readonly meta: Uint8Array } {
    const value = this.#content.read(0, this.#content.length);
    return { value, meta: metaOf(this.#modifiedNs) };
  }

  /**
   * Stores it where it is not what is stored.
   *
   * @throws WasiError
   */
  async save(): Promise<void> {
    const { path } = this;
    if (path === undefined || !this.isChanged) return;
    this.isChanged = false;
    try {
      const change: StoreChange = { key: keyOf(path), op: 'put', ...this.entry() };
      await asErrno(this.#files.options.store.change(change));
    } catch (error) {
      this.isChanged = true;
      throw error;
    }
  }

  #touch(): void {
    this.#modifiedNs = this.#files.options.nowNs();
    this.isChanged = true;
  }

  #reserve(sizeBytes: bigint | number): void {
    if (sizeBytes > this.#files.options.fileBytesMax) throw new WasiError('fbig');
    const more = Number(sizeBytes) - this.#heldBytes;
    if (more <= 0) return;
    this.#files.hold(more);
    this.#heldBytes += more;
  }
}

export function keyOf(path: string): Uint8Array {
  return Buffer.from(path);
}

export function metaOf(modifiedNs: bigint): Uint8Array {
  const meta = Buffer.alloc(metaBytes);
  meta.writeBigUInt64LE(BigInt.asUintN(64, modifiedNs));
  return meta;
}

export function modifiedNsOf({ meta }: StoredEntry): bigint {
  return meta?.length === metaBytes ? Buffer.from(meta).readBigUInt64LE() : 0n;
}

/** The facts of a regular file. */
export function factsOf(
  path: string,
  of: { readonly sizeBytes: number; readonly modifiedNs: bigint },
): NodeFacts {
  return {
    filetype: filetype.regularFile,
    inode: inodeOf(path),
    links: 1n,
    sizeBytes: BigInt(of.sizeBytes),
    accessedNs: of.modifiedNs,
    modifiedNs: of.modifiedNs,
    changedNs: of.modifiedNs,
  };
}

/** The same for the same path, never 0 (FNV-1a). */
export function inodeOf(path: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(path)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash === 0n ? 1n : hash;
}

/** The store's refusals as the program knows them. */
export async function asErrno<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CapabilityRefusal)) throw error;
    const hasNoRoom = error.kind === 'limit' || error.kind === 'full';
    throw new WasiError(hasNoRoom ? 'nospc' : 'io');
  }
}
