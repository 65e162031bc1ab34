/**
 * `/data`, a directory that lasts, over a key-value store: no directory of this machine is ever
 * written. A file is a key, its path; a directory is a key that ends in a slash, and is there also
 * where only something in it is.
 */
import { Buffer } from 'node:buffer';
import type { StoreChange, StoredEntry } from '../../../capability/kv/contract.ts';
import { WasiError } from './errno.ts';
import { filetype } from './filetype.ts';
import type {
  DirectoryNode,
  FileNode,
  ListedEntry,
  NewTimes,
  Node,
  NodeFacts,
  OpenFile,
} from './node.ts';
import {
  asErrno,
  type DataOptions,
  factsOf,
  inodeOf,
  keyOf,
  metaOf,
  modifiedNsOf,
  type WorkingFile,
  WorkingFiles,
} from './working-files.ts';

/** A directory is moved in one commit, or its program has to do it file by file. */
const movedEntriesMax = 400;
const movedBytesMax = 12 * 1024 * 1024;
const listedAtOnce = 1_000;
/** After all paths that begin alike: no byte of UTF-8 is that large. */
const afterAll = 0xff;
/** Somebody else may write what is moved, now and then. */
const triesMax = 8;

/** What one run has of its `/data`. */
export class DataTree {
  readonly root: DirectoryNode;
  readonly #files: WorkingFiles;

  constructor(options: DataOptions) {
    this.#files = new WorkingFiles(options);
    this.root = new DataDirectory(this.#files, '');
  }

  /**
   * Stores what the program left open when it ended well; undefined where there is nothing. Rejects
   * with WasiError where it cannot.
   */
  saveAll(): Promise<void> | undefined {
    return this.#files.hasUnsaved ? this.#files.saveAll() : undefined;
  }
}

class DataFile implements FileNode {
  readonly kind = 'file';
  readonly isReadOnly = false;
  readonly device: bigint;
  readonly #files: WorkingFiles;
  readonly #path: string;
  /** As it was found; undefined for one that is open, or new. */
  readonly #entry: StoredEntry | undefined;

  constructor(files: WorkingFiles, path: string, entry: StoredEntry | undefined) {
    this.device = files.options.device;
    this.#files = files;
    this.#path = path;
    this.#entry = entry;
  }

  facts(): NodeFacts {
    const open = this.#files.find(this.#path);
    if (open !== undefined) return open.facts;
    if (this.#entry === undefined) throw new WasiError('noent');
    const { value } = this.#entry;
    return factsOf(this.#path, { sizeBytes: value.length, modifiedNs: modifiedNsOf(this.#entry) });
  }

  open(): OpenFile {
    const file = this.#take();
    file.retain();
    return new OpenDataFile(file);
  }

  async setTimes(times: NewTimes): Promise<void> {
    const open = this.#files.find(this.#path);
    if (open !== undefined) return open.setTimes(times);
    if (times.modifiedNs === undefined || this.#entry === undefined) return;
    const { value, revision: ifRevision } = this.#entry;
    const meta = metaOf(times.modifiedNs);
    const change: StoreChange = { key: keyOf(this.#path), op: 'put', value, meta, ifRevision };
    await asErrno(this.#files.options.store.change(change));
  }

  #take(): WorkingFile {
    return this.#files.take(this.#path, this.#entry);
  }
}

class OpenDataFile implements OpenFile {
  readonly #file: WorkingFile;

  constructor(file: WorkingFile) {
    this.#file = file;
  }

  facts(): NodeFacts {
    return this.#file.facts;
  }

  read(position: bigint, bytesMax: number): Uint8Array {
    return this.#file.read(position, bytesMax);
  }

  write(position: bigint, bytes: Uint8Array): void {
    this.#file.write(position, bytes);
  }

  resize(sizeBytes: bigint): void {
    this.#file.resize(sizeBytes);
  }

  allocate(sizeBytes: bigint): void {
    this.#file.allocate(sizeBytes);
  }

  setTimes(times: NewTimes): void {
    this.#file.setTimes(times);
  }

  sync(): Promise<void> {
    return this.#file.save();
  }

  close(): Promise<void> {
    return this.#file.release();
  }
}

class DataDirectory implements DirectoryNode {
  readonly kind = 'directory';
  readonly isReadOnly = false;
  readonly device: bigint;
  readonly #files: WorkingFiles;
  /** Without a slash at its end; empty for the root. */
  readonly #path: string;

  constructor(files: WorkingFiles, path: string) {
    this.device = files.options.device;
    this.#files = files;
    this.#path = path;
  }

  facts(): NodeFacts {
    const base = factsOf(this.#path, { sizeBytes: 0, modifiedNs: 0n });
    return { ...base, filetype: filetype.directory };
  }

  /** A directory has no times of its own. */
  setTimes(_times: NewTimes): void {
    // Nothing is kept of it.
  }

  async lookup(name: string): Promise<Node | undefined> {
    const path = this.#pathOf(name);
    if (this.#files.find(path) !== undefined) return new DataFile(this.#files, path, undefined);
    const { store } = this.#files.options;
    const [file, directory] = await asErrno(store.read([keyOf(path), keyOf(`${path}/`)]));
    if (file !== undefined) return new DataFile(this.#files, path, file);
    if (directory === undefined && !(await this.#hasBelow(path))) return undefined;
    return new DataDirectory(this.#files, path);
  }

  async list(): Promise<readonly ListedEntry[]> {
    const found = new Map<string, number>();
    const prefix = this.#prefix;
    for await (const rest of this.#childrenOf(prefix)) {
      const slash = rest.indexOf('/');
      if (slash === -1) found.set(rest, filetype.regularFile);
      else found.set(rest.slice(0, slash), filetype.directory);
    }
    // What this run has made and not stored yet.
    for (const path of this.#files.paths()) {
      if (!path.startsWith(prefix)) continue;
      const [name = '', ...below] = path.slice(prefix.length).split('/');
      if (below.length === 0) found.set(name, filetype.regularFile);
      else if (!found.has(name)) found.set(name, filetype.directory);
    }
    return Array.from(found, ([name, type]) => ({
      name,
      filetype: type,
      inode: inodeOf(prefix + name),
    }));
  }

  async createFile(name: string, isExclusive: boolean): Promise<FileNode> {
    const path = this.#pathOf(name);
    if (isExclusive) await this.#add(path);
    const entry = isExclusive ? await this.#stored(path) : undefined;
    this.#files.take(path, entry);
    return new DataFile(this.#files, path, entry);
  }

  createDirectory(name: string): Promise<void> {
    return this.#add(`${this.#pathOf(name)}/`);
  }

  createSymlink(): never {
    throw new WasiError('perm');
  }

  link(): never {
    throw new WasiError('perm');
  }

  async unlink(name: string): Promise<void> {
    const node = await this.lookup(name);
    if (node === undefined) throw new WasiError('noent');
    if (node.kind === 'directory') throw new WasiError('isdir');
    const path = this.#pathOf(name);
    const open = this.#files.find(path);
    await asErrno(this.#files.options.store.change({ key: keyOf(path), op: 'delete' }));
    if (open !== undefined) this.#files.move(open, undefined);
  }

  async removeDirectory(name: string): Promise<void> {
    const node = await this.lookup(name);
    if (node === undefined) throw new WasiError('noent');
    if (node.kind !== 'directory') throw new WasiError('notdir');
    await this.#requireEmpty(name);
    const key = keyOf(`${this.#pathOf(name)}/`);
    await asErrno(this.#files.options.store.change({ key, op: 'delete' }));
  }

  async rename(name: string, into: DirectoryNode, newName: string): Promise<void> {
    if (!(into instanceof DataDirectory) || into.#files !== this.#files) {
      throw new WasiError('xdev');
    }
    const from = this.#pathOf(name);
    const to = into.#pathOf(newName);
    for (let tries = 0; tries < triesMax; tries += 1) {
      const node = await this.lookup(name);
      if (node === undefined) throw new WasiError('noent');
      if (from === to) return;
      const isDirectory = node.kind === 'directory';
      await into.#makeWay(newName, isDirectory);
      const isMoved = isDirectory
        ? await this.#moveDirectory(from, to)
        : await this.#moveFile(from, to);
      if (isMoved) return;
    }
    throw new WasiError('busy');
  }

  /**
   * What POSIX lets a renaming replace.
   *
   * @throws WasiError
   */
  async #makeWay(name: string, forDirectory: boolean): Promise<void> {
    const target = await this.lookup(name);
    if (target === undefined) return;
    if (target.kind === 'directory') {
      if (!forDirectory) throw new WasiError('isdir');
      await this.#requireEmpty(name);
    } else if (forDirectory) {
      throw new WasiError('notdir');
    }
  }

  /** One commit: whoever looks sees the file under one of the two names, whole. */
  async #moveFile(from: string, to: string): Promise<boolean> {
    const open = this.#files.find(from);
    const stored = await this.#stored(from);
    const entry = open?.entry() ?? stored;
    if (entry === undefined) return false;
    const { value, meta = metaOf(0n) } = entry;
    const removal = { key: keyOf(from), op: 'delete' } as const;
    const isMoved = await asErrno(
      this.#files.options.store.commit([
        { key: keyOf(to), op: 'put', value, meta },
        open === undefined && stored !== undefined
          ? { ...removal, ifRevision: stored.revision }
          : removal,
      ]),
    );
    if (isMoved && open !== undefined) open.isChanged = false;
    if (isMoved) this.#follow(from, to);
    return isMoved;
  }

  /** @throws WasiError: `inval` into itself, `xdev` for more than one commit takes */
  async #moveDirectory(from: string, to: string): Promise<boolean> {
    if (`${to}/`.startsWith(`${from}/`)) throw new WasiError('inval');
    const { store } = this.#files.options;
    const prefix = keyOf(`${from}/`);
    const { keys, sizes, isLast } = await asErrno(store.list({ prefix, limit: movedEntriesMax }));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (!isLast || bytes > movedBytesMax) throw new WasiError('xdev');
    const entries = await asErrno(store.read(keys));
    const writes: StoreChange[] = [];
    for (const [index, key] of keys.entries()) {
      const entry = entries[index];
      if (entry === undefined) return false;
      const { value, meta, revision: ifRevision } = entry;
      const path = to + Buffer.from(key).toString().slice(from.length);
      writes.push({ key: keyOf(path), op: 'put', value, ...(meta === undefined ? {} : { meta }) });
      writes.push({ key, op: 'delete', ifRevision });
    }
    const hasMarker = keys.some((key) => Buffer.compare(key, prefix) === 0);
    if (!hasMarker) writes.push({ key: keyOf(`${to}/`), op: 'put' });
    const isMoved = await asErrno(store.commit(writes));
    if (!isMoved) return false;
    for (const path of [...this.#files.paths()]) {
      if (path.startsWith(`${from}/`)) this.#follow(path, to + path.slice(from.length));
    }
    return true;
  }

  /** A file that is open goes on under its new name. */
  #follow(from: string, to: string): void {
    const replaced = this.#files.find(to);
    if (replaced !== undefined) this.#files.move(replaced, undefined);
    const open = this.#files.find(from);
    if (open !== undefined) this.#files.move(open, to);
  }

  async #requireEmpty(name: string): Promise<void> {
    const path = this.#pathOf(name);
    if (await this.#hasBelow(path)) throw new WasiError('notempty');
    for (const open of this.#files.paths()) {
      if (open.startsWith(`${path}/`)) throw new WasiError('notempty');
    }
  }

  /** Whether there is anything in a directory, beside the key of its own. */
  async #hasBelow(path: string): Promise<boolean> {
    const prefix = keyOf(`${path}/`);
    const options = { prefix, after: prefix, limit: 1 };
    const { keys } = await asErrno(this.#files.options.store.list(options));
    return keys.length > 0;
  }

  /** Paths below `prefix`, without it; of what lies deeper one for each directory. */
  async *#childrenOf(prefix: string): AsyncGenerator<string> {
    const start = keyOf(prefix);
    const { store } = this.#files.options;
    for (let after: Uint8Array | undefined = prefix === '' ? undefined : start; ; ) {
      const options = { prefix: start, limit: listedAtOnce };
      const listing = store.list(after === undefined ? options : { ...options, after });
      const { keys, isLast } = await asErrno(listing);
      let skipped: string | undefined;
      for (const key of keys) {
        const rest = Buffer.from(key).toString().slice(prefix.length);
        const slash = rest.indexOf('/');
        const directory = slash === -1 ? undefined : rest.slice(0, slash + 1);
        if (directory === undefined || directory !== skipped) yield rest;
        skipped = directory;
      }
      if (isLast) return;
      after = skipped === undefined ? keys.at(-1) : pastDirectory(prefix + skipped);
    }
  }

  /** @throws WasiError `exist` */
  async #add(path: string): Promise<void> {
    const meta = metaOf(this.#files.options.nowNs());
    const { store } = this.#files.options;
    const done = await asErrno(store.change({ key: keyOf(path), op: 'add', meta }));
    if (done.before !== 0) throw new WasiError('exist');
  }

  async #stored(path: string): Promise<StoredEntry | undefined> {
    return (await asErrno(this.#files.options.store.read([keyOf(path)])))[0];
  }

  get #prefix(): string {
    return this.#path === '' ? '' : `${this.#path}/`;
  }

  /** @throws WasiError `nametoolong` */
  #pathOf(name: string): string {
    const path = this.#prefix + name;
    // A directory's key is one byte longer.
    if (Buffer.byteLength(path) >= this.#files.options.pathBytesMax) {
      throw new WasiError('nametoolong');
    }
    return path;
  }
}

function pastDirectory(path: string): Uint8Array {
  return Buffer.concat([keyOf(path), Uint8Array.of(afterAll)]);
}
