/**
 * The file tree as a guest sees it: nodes of several kinds of storage behind one shape. What only
 * memory holds answers at once; what lies on a disk answers later.
 */

export type Awaitable<T> = T | Promise<T>;

export interface NodeFacts {
  /** A `filetype`. */
  readonly filetype: number;
  readonly inode: bigint;
  readonly links: bigint;
  readonly sizeBytes: bigint;
  /** Nanoseconds since the Unix epoch. */
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** What is undefined stays as it is. */
export interface NewTimes {
  readonly accessedNs: bigint | undefined;
  readonly modifiedNs: bigint | undefined;
}

interface CommonNode {
  /** Which storage it is in: no link and no renaming crosses from one to another. */
  readonly device: bigint;
  facts(): Awaitable<NodeFacts>;
  /** @throws WasiError `rofs` where nothing may change */
  setTimes(times: NewTimes): Awaitable<void>;
}

/** An open file. Its owner closes it. */
export interface OpenFile {
  facts(): Awaitable<NodeFacts>;
  /** Up to `bytesMax` bytes from `position`; none at the end. */
  read(position: bigint, bytesMax: number): Awaitable<Uint8Array>;
  /**
   * Writes all of `bytes`; a hole before them reads as zeros.
   *
   * @throws WasiError
   */
  write(position: bigint, bytes: Uint8Array): void;
  /** @throws WasiError */
  resize(sizeBytes: bigint): void;
  /**
   * The bytes up to `sizeBytes` will be there: grows, never shrinks.
   *
   * @throws WasiError
   */
  allocate(sizeBytes: bigint): void;
  /** What was written lasts when it resolves; left out where there is nothing to do. */
  sync?(): Awaitable<void>;
  /** Left out: the node's. */
  setTimes?(times: NewTimes): void;
  /** @throws WasiError where what was written cannot be kept; it is closed then, too */
  close(): Awaitable<void>;
}

export interface FileNode extends CommonNode {
  readonly kind: 'file';
  readonly isReadOnly: boolean;
  open(): Awaitable<OpenFile>;
}

export interface SymlinkNode extends CommonNode {
  readonly kind: 'symlink';
  readonly target: string;
}

export interface ListedEntry {
  readonly name: string;
  readonly filetype: number;
  readonly inode: bigint;
}

/**
 * Names are single segments, never '', '.' or '..'. What changes the tree throws WasiError, `rofs`
 * where nothing may change.
 */
export interface DirectoryNode extends CommonNode {
  readonly kind: 'directory';
  /** Whether everything that changes it throws `rofs`. */
  readonly isReadOnly: boolean;
  lookup(name: string): Awaitable<Node | undefined>;
  /** Without '.' and '..'. */
  list(): Awaitable<readonly ListedEntry[]>;
  /** `isExclusive`: throws `exist` where somebody else was first. */
  createFile(name: string, isExclusive: boolean): Awaitable<FileNode>;
  createDirectory(name: string): Awaitable<void>;
  createSymlink(name: string, target: string): void;
  /** One more name for `node`, which is no directory. */
  link(name: string, node: FileNode | SymlinkNode): void;
  unlink(name: string): Awaitable<void>;
  removeDirectory(name: string): Awaitable<void>;
  /** Moves an entry, over what stands there where POSIX allows it. */
  rename(name: string, into: DirectoryNode, newName: string): Awaitable<void>;
}

export type Node = FileNode | DirectoryNode | SymlinkNode;
