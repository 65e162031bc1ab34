/**
 * The site's folder as read-only nodes, and a mount point in it: what the capability shows is all
 * there is; links in the folder are already followed, or hidden when they lead out.
 */

import type {
  SiteEntry,
  SiteFile,
  SiteFileFacts,
  SiteFiles,
} from '../../../capability/files/contract.ts';
import { noBytes } from '../../../http/body.ts';
import { WasiError } from './errno.ts';
import { filetype } from './filetype.ts';
import type {
  Awaitable,
  DirectoryNode,
  FileNode,
  ListedEntry,
  Node,
  NodeFacts,
  OpenFile,
} from './node.ts';

/** Holds the open files of a run, so that none outlives it. */
export interface FileKeeper {
  /** Closes at once what is opened after the run has ended, and throws then. */
  keep(file: SiteFile): void;
  letGo(file: SiteFile): void;
}

const deviceNumber = 1n;

export interface SiteTreeOptions {
  readonly files: SiteFiles;
  readonly keeper: FileKeeper;
  readonly listedEntriesMax: number;
}

export function createSiteTree(options: SiteTreeOptions): DirectoryNode {
  return new SiteDirectory(options, []);
}

/** `directory` with `mounted` shown in it under `name`, over whatever stands there. */
export function mountTree(
  directory: DirectoryNode,
  name: string,
  mounted: DirectoryNode,
): DirectoryNode {
  return new MountPoint(directory, name, mounted);
}

function refuse(): never {
  throw new WasiError('rofs');
}

/** Everything that would change a directory is refused. */
const readOnlyDirectory = {
  setTimes: refuse,
  createFile: refuse,
  createDirectory: refuse,
  createSymlink: refuse,
  link: refuse,
  unlink: refuse,
  removeDirectory: refuse,
  rename: refuse,
} as const;

class SiteDirectory implements DirectoryNode {
  readonly kind = 'directory';
  readonly isReadOnly = true;
  readonly device = deviceNumber;
  readonly setTimes = readOnlyDirectory.setTimes;
  readonly createFile = readOnlyDirectory.createFile;
  readonly createDirectory = readOnlyDirectory.createDirectory;
  readonly createSymlink = readOnlyDirectory.createSymlink;
  readonly link = readOnlyDirectory.link;
  readonly unlink = readOnlyDirectory.unlink;
  readonly removeDirectory = readOnlyDirectory.removeDirectory;
  readonly rename = readOnlyDirectory.rename;
  readonly #options: SiteTreeOptions;
  readonly #segments: readonly string[];

  constructor(options: SiteTreeOptions, segments: readonly string[]) {
    this.#options = options;
    this.#segments = segments;
  }

  async facts(): Promise<NodeFacts> {
    const found = await this.#options.files.stat(this.#segments);
    if (found === undefined) throw new WasiError('noent');
    return describe(found);
  }

  async lookup(name: string): Promise<Node | undefined> {
    const segments = [...this.#segments, name];
    const found = await this.#options.files.stat(segments);
    if (found === undefined) return undefined;
    if (found.kind === 'directory') return new SiteDirectory(this.#options, segments);
    return new SiteFileNode(this.#options, segments, found);
  }

  async list(): Promise<readonly ListedEntry[]> {
    const entries = await this.#options.files.list(this.#segments, this.#options.listedEntriesMax);
    if (entries === undefined) throw new WasiError('noent');
    return entries.map(({ name, kind }: SiteEntry) => ({
      name,
      filetype: kind === 'directory' ? filetype.directory : filetype.regularFile,
      // A C library asks for the number when it is 0 and somebody wants it.
      inode: 0n,
    }));
  }
}

class SiteFileNode implements FileNode {
  readonly kind = 'file';
  readonly device = deviceNumber;
  readonly isReadOnly = true;
  readonly setTimes = readOnlyDirectory.setTimes;
  readonly #options: SiteTreeOptions;
  readonly #segments: readonly string[];
  readonly #facts: SiteFileFacts;

  constructor(options: SiteTreeOptions, segments: readonly string[], facts: SiteFileFacts) {
    this.#options = options;
    this.#segments = segments;
    this.#facts = facts;
  }

  facts(): NodeFacts {
    return describe(this.#facts);
  }

  async open(): Promise<OpenFile> {
    const { files, keeper } = this.#options;
    const file = await files.open(this.#segments);
    if (file === undefined) throw new WasiError('noent');
    keeper.keep(file);
    return new OpenSiteFile(file, keeper);
  }
}

class OpenSiteFile implements OpenFile {
  readonly write = refuse;
  readonly resize = refuse;
  readonly allocate = refuse;
  readonly #file: SiteFile;
  readonly #keeper: FileKeeper;

  constructor(file: SiteFile, keeper: FileKeeper) {
    this.#file = file;
    this.#keeper = keeper;
  }

  async facts(): Promise<NodeFacts> {
    return describe(await this.#file.facts());
  }

  async read(position: bigint, bytesMax: number): Promise<Uint8Array> {
    if (position > BigInt(Number.MAX_SAFE_INTEGER)) return noBytes;
    return this.#file.read(Number(position), bytesMax);
  }

  close(): void {
    this.#keeper.letGo(this.#file);
  }
}

class MountPoint implements DirectoryNode {
  readonly kind = 'directory';
  readonly isReadOnly = true;
  readonly device: bigint;
  readonly #below: DirectoryNode;
  readonly #name: string;
  readonly #mounted: DirectoryNode;

  constructor(below: DirectoryNode, name: string, mounted: DirectoryNode) {
    this.device = below.device;
    this.#below = below;
    this.#name = name;
    this.#mounted = mounted;
  }

  facts(): ReturnType<DirectoryNode['facts']> {
    return this.#below.facts();
  }

  lookup(name: string): ReturnType<DirectoryNode['lookup']> {
    return name === this.#name ? this.#mounted : this.#below.lookup(name);
  }

  async list(): Promise<readonly ListedEntry[]> {
    const below = await this.#below.list();
    const { filetype: type, inode } = await this.#mounted.facts();
    const others = below.filter(({ name }) => name !== this.#name);
    return [...others, { name: this.#name, filetype: type, inode }];
  }

  setTimes(times: Parameters<DirectoryNode['setTimes']>[0]): Awaitable<void> {
    return this.#below.setTimes(times);
  }

  createFile(name: string, isExclusive: boolean): Awaitable<FileNode> {
    this.#requireOther(name, 'exist');
    return this.#below.createFile(name, isExclusive);
  }

  createDirectory(name: string): Awaitable<void> {
    this.#requireOther(name, 'exist');
    return this.#below.createDirectory(name);
  }

  createSymlink(name: string, target: string): void {
    this.#requireOther(name, 'exist');
    this.#below.createSymlink(name, target);
  }

  link(name: string, node: Parameters<DirectoryNode['link']>[1]): void {
    this.#requireOther(name, 'exist');
    this.#below.link(name, node);
  }

  unlink(name: string): Awaitable<void> {
    this.#requireOther(name, 'busy');
    return this.#below.unlink(name);
  }

  removeDirectory(name: string): Awaitable<void> {
    this.#requireOther(name, 'busy');
    return this.#below.removeDirectory(name);
  }

  rename(name: string, into: DirectoryNode, newName: string): Awaitable<void> {
    this.#requireOther(name, 'busy');
    return this.#below.rename(name, into, newName);
  }

  #requireOther(name: string, otherwise: 'exist' | 'busy'): void {
    if (name === this.#name) throw new WasiError(otherwise);
  }
}

function describe(facts: SiteFileFacts): NodeFacts {
  return {
    filetype: facts.kind === 'directory' ? filetype.directory : filetype.regularFile,
    inode: facts.inode,
    links: 1n,
    sizeBytes: facts.sizeBytes,
    accessedNs: facts.modifiedNs,
    modifiedNs: facts.modifiedNs,
    changedNs: facts.changedNs,
  };
}
