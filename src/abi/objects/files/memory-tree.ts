/**
 * A complete file system in memory: what `/tmp` is to a run, gone with it. Everything counts
 * against one quota: bytes of files, names and link targets, and nodes.
 */
import { Buffer } from 'node:buffer';
import { noBytes } from '../../../http/body.ts';
import type { HostMemory } from '../../abi.ts';
import { HeldObjects } from '../held-objects.ts';
import { WasiError } from './errno.ts';
import { filetype } from './filetype.ts';
import { MemoryContent } from './memory-content.ts';
import type {
  DirectoryNode,
  FileNode,
  ListedEntry,
  NewTimes,
  Node,
  NodeFacts,
  OpenFile,
  SymlinkNode,
} from './node.ts';

export interface MemoryTreeOptions {
  readonly device: bigint;
  /** File contents, names and link targets together, in bytes. */
  readonly bytesMax: number;
  readonly nodesMax: number;
  /** Nanoseconds since the Unix epoch. */
  readonly nowNs: () => bigint;
  readonly hostMemory?: HostMemory | undefined;
}

/** A node with its times and its place in a directory takes so much of V8's heap, about. */
const nodeBytes = 512;

/** What all nodes of one tree share. */
class Storage {
  readonly options: MemoryTreeOptions;
  readonly #held: HeldObjects;
  #bytes = 0;
  #nodes = 0;
  #nextInode = 1n;

  constructor(options: MemoryTreeOptions) {
    this.options = options;
    const { hostMemory } = options;
    const tryHold = (bytes: number): boolean => hostMemory?.tryHoldObjects(bytes) !== false;
    this.#held = new HeldObjects(nodeBytes, tryHold);
  }

  get bytesLeft(): number {
    return this.options.bytesMax - this.#bytes;
  }

  takeBytes(count: number): void {
    if (count > this.bytesLeft) throw new WasiError('nospc');
    if (this.options.hostMemory?.tryHold(count) === false) throw new WasiError('nospc');
    this.#bytes += count;
  }

  giveBytes(count: number): void {
    this.#bytes -= count;
    this.options.hostMemory?.release(count);
  }

  takeNode(): bigint {
    if (this.#nodes >= this.options.nodesMax) throw new WasiError('nospc');
    if (!this.#held.hasRoom(this.#nodes)) throw new WasiError('nospc');
    this.#nodes += 1;
    const inode = this.#nextInode;
    this.#nextInode += 1n;
    return inode;
  }

  giveNode(): void {
    this.#nodes -= 1;
  }
}

/** What a listing says of each: looking at all their facts would take far longer. */
const filetypes = {
  file: filetype.regularFile,
  directory: filetype.directory,
  symlink: filetype.symbolicLink,
} as const;

type MemoryNode = MemoryFile | MemoryDirectory | MemorySymlink;

abstract class MemoryEntry {
  readonly storage: Storage;
  readonly inode: bigint;
  links = 0;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;

  constructor(storage: Storage) {
    this.storage = storage;
    this.inode = storage.takeNode();
    this.accessedNs = storage.options.nowNs();
    this.modifiedNs = this.accessedNs;
    this.changedNs = this.accessedNs;
  }

  get device(): bigint {
    return this.storage.options.device;
  }

  setTimes({ accessedNs, modifiedNs }: NewTimes): void {
    this.accessedNs = accessedNs ?? this.accessedNs;
    this.modifiedNs = modifiedNs ?? this.modifiedNs;
    this.changedNs = this.storage.options.nowNs();
  }

  /** The content changed. */
  touch(): void {
    this.modifiedNs = this.storage.options.nowNs();
    this.changedNs = this.modifiedNs;
  }

  protected describe(type: number, sizeBytes: number): NodeFacts {
    const { inode, accessedNs, modifiedNs, changedNs } = this;
    return {
      filetype: type,
      inode,
      links: BigInt(this.links),
      sizeBytes: BigInt(sizeBytes),
      accessedNs,
      modifiedNs,
      changedNs,
    };
  }
}

class MemoryFile extends MemoryEntry implements FileNode, OpenFile {
  readonly kind = 'file';
  readonly isReadOnly = false;
  readonly #content = new MemoryContent();
  /** What counts against the quota; the content is its beginning, zeros follow. */
  #reservedBytes = 0;
  #openCount = 0;

  facts(): NodeFacts {
    return this.describe(filetype.regularFile, this.#content.length);
  }

  open(): OpenFile {
    this.#openCount += 1;
    return this;
  }

  close(): void {
    this.#openCount -= 1;
    this.#freeIfUnreachable();
  }

  dropLink(): void {
    this.links -= 1;
    this.#freeIfUnreachable();
  }

  read(position: bigint, bytesMax: number): Uint8Array {
    this.accessedNs = this.storage.options.nowNs();
    if (position >= BigInt(this.#content.length)) return noBytes;
    return this.#content.read(Number(position), bytesMax);
  }

  write(position: bigint, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#reserve(position + BigInt(bytes.length));
    this.#content.write(Number(position), bytes);
    this.touch();
  }

  resize(sizeBytes: bigint): void {
    this.#reserve(sizeBytes);
    this.#content.resize(Number(sizeBytes));
    this.touch();
  }

  allocate(sizeBytes: bigint): void {
    if (sizeBytes > BigInt(this.#content.length)) this.resize(sizeBytes);
  }

  /** Doubles while the quota allows it, as the content does while it is small. */
  #reserve(sizeBytes: bigint): void {
    const before = this.#reservedBytes;
    if (sizeBytes <= BigInt(before)) return;
    const doubled = Math.min(before * 2, before + this.storage.bytesLeft);
    const after = Math.max(Number(sizeBytes), doubled);
    this.storage.takeBytes(after - before);
    this.#reservedBytes = after;
  }

  #freeIfUnreachable(): void {
    if (this.links > 0 || this.#openCount > 0) return;
    this.storage.giveBytes(this.#reservedBytes);
    this.storage.giveNode();
    this.#reservedBytes = 0;
    this.#content.clear();
  }
}

class MemorySymlink extends MemoryEntry implements SymlinkNode {
  readonly kind = 'symlink';
  readonly target: string;

  constructor(storage: Storage, target: string) {
    super(storage);
    this.target = target;
  }

  facts(): NodeFacts {
    return this.describe(filetype.symbolicLink, Buffer.byteLength(this.target));
  }

  dropLink(): void {
    this.links -= 1;
    if (this.links > 0) return;
    this.storage.giveBytes(Buffer.byteLength(this.target));
    this.storage.giveNode();
  }
}

class MemoryDirectory extends MemoryEntry implements DirectoryNode {
  readonly kind = 'directory';
  readonly isReadOnly = false;
  readonly #entries = new Map<string, MemoryNode>();
  /** Undefined for the root, and for what was removed while it was open. */
  #parent: MemoryDirectory | undefined;
  #isRemoved = false;

  constructor(storage: Storage, parent: MemoryDirectory | undefined) {
    super(storage);
    this.#parent = parent;
    this.links = 1;
  }

  facts(): NodeFacts {
    return this.describe(filetype.directory, this.#entries.size);
  }

  lookup(name: string): Node | undefined {
    return this.#entries.get(name);
  }

  list(): readonly ListedEntry[] {
    return Array.from(this.#entries, ([name, node]) => ({
      name,
      filetype: filetypes[node.kind],
      inode: node.inode,
    }));
  }

  createFile(name: string): FileNode {
    return this.#create(name, () => new MemoryFile(this.storage));
  }

  createDirectory(name: string): void {
    this.#create(name, () => new MemoryDirectory(this.storage, this));
  }

  createSymlink(name: string, target: string): void {
    const targetBytes = Buffer.byteLength(target);
    this.storage.takeBytes(targetBytes);
    try {
      this.#create(name, () => new MemorySymlink(this.storage, target));
    } catch (error) {
      this.storage.giveBytes(targetBytes);
      throw error;
    }
  }

  link(name: string, node: FileNode | SymlinkNode): void {
    if (!(node instanceof MemoryFile || node instanceof MemorySymlink)) throw new WasiError('xdev');
    if (node.storage !== this.storage) throw new WasiError('xdev');
    this.#requireFree(name);
    this.storage.takeBytes(Buffer.byteLength(name));
    this.#put(name, node);
    node.changedNs = this.storage.options.nowNs();
  }

  unlink(name: string): void {
    const node = this.#require(name);
    if (node instanceof MemoryDirectory) throw new WasiError('isdir');
    this.#delete(name);
    node.dropLink();
  }

  removeDirectory(name: string): void {
    const node = this.#require(name);
    if (!(node instanceof MemoryDirectory)) throw new WasiError('notdir');
    if (node.#entries.size > 0) throw new WasiError('notempty');
    this.#delete(name);
    node.#dispose();
  }

  rename(name: string, into: DirectoryNode, newName: string): void {
    const node = this.#require(name);
    if (!(into instanceof MemoryDirectory) || into.storage !== this.storage) {
      throw new WasiError('xdev');
    }
    if (node instanceof MemoryDirectory && node.#holds(into)) throw new WasiError('inval');
    const replaced = into.#entries.get(newName);
    if (replaced === node) return;
    if (replaced === undefined) into.#requireFree(newName);
    else into.#makeWay(newName, { replaced, isDirectory: node instanceof MemoryDirectory });
    this.storage.takeBytes(Buffer.byteLength(newName));
    this.#delete(name);
    into.#put(newName, node);
    if (node instanceof MemoryDirectory) node.#parent = into;
    else node.links -= 1;
  }

  #makeWay(
    name: string,
    { replaced, isDirectory }: { readonly replaced: MemoryNode; readonly isDirectory: boolean },
  ): void {
    if (replaced instanceof MemoryDirectory) {
      if (!isDirectory) throw new WasiError('isdir');
      this.removeDirectory(name);
    } else {
      if (isDirectory) throw new WasiError('notdir');
      this.unlink(name);
    }
  }

  #create<T extends MemoryNode>(name: string, make: () => T): T {
    this.#requireFree(name);
    this.storage.takeBytes(Buffer.byteLength(name));
    let node: T;
    try {
      node = make();
    } catch (error) {
      this.storage.giveBytes(Buffer.byteLength(name));
      throw error;
    }
    this.#put(name, node);
    return node;
  }

  #requireFree(name: string): void {
    if (this.#isRemoved) throw new WasiError('noent');
    if (this.#entries.has(name)) throw new WasiError('exist');
  }

  #require(name: string): MemoryNode {
    const node = this.#entries.get(name);
    if (node === undefined) throw new WasiError('noent');
    return node;
  }

  #put(name: string, node: MemoryNode): void {
    this.#entries.set(name, node);
    if (!(node instanceof MemoryDirectory)) node.links += 1;
    this.touch();
  }

  /** Only the name goes; links are the caller's to count. */
  #delete(name: string): void {
    this.#entries.delete(name);
    this.storage.giveBytes(Buffer.byteLength(name));
    this.touch();
  }

  #holds(other: MemoryDirectory): boolean {
    for (let at: MemoryDirectory | undefined = other; at !== undefined; at = at.#parent) {
      if (at === this) return true;
    }
    return false;
  }

  #dispose(): void {
    this.#isRemoved = true;
    this.#parent = undefined;
    this.links = 0;
    this.storage.giveNode();
  }
}

/** A directory that answers at once. */
export type MemoryRoot = MemoryDirectory;

/** The root of a new, empty tree. */
export function createMemoryTree(options: MemoryTreeOptions): MemoryRoot {
  return new MemoryDirectory(new Storage(options), undefined);
}
