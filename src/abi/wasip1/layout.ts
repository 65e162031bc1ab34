/** Numbers of WASI preview1, and the sizes of its records in bytes. */

export const clockId = { realtime: 0, monotonic: 1, processCpu: 2, threadCpu: 3 } as const;

/** `fdflags`. */
export const fdflag = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const fdflagsAll = 31;

/** `oflags` of path_open. */
export const oflag = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const oflagsAll = 15;

/** `lookupflags`. */
export const lookupSymlinkFollow = 1;

/** `fstflags` of the set_times calls. */
export const fstflag = { atim: 1, atimNow: 2, mtim: 4, mtimNow: 8 } as const;
export const fstflagsAll = 15;

/** Advice numbers are 0 to this. */
export const adviceMax = 5;

export const eventtype = { clock: 0, fdRead: 1, fdWrite: 2 } as const;
/** `subclockflags`: the timeout is an instant of the clock. */
export const subclockAbstime = 1;
/** `eventrwflags`: nothing more will come. */
export const eventHangup = 1;

export const iovecBytes = 8;
export const fdstatBytes = 24;
export const prestatBytes = 8;
export const direntBytes = 24;
export const eventBytes = 32;

/** What the two snapshots of WASI lay out differently; all places are in bytes. */
export interface SnapshotLayout {
  readonly whence: { readonly set: number; readonly cur: number; readonly end: number };
  /** `filestat`: nlink after the file type, then size, atim, mtim and ctim. */
  readonly filestat: {
    readonly bytes: number;
    readonly links: { readonly at: number; readonly isWide: boolean };
    readonly sizeAt: number;
  };
  /** `subscription`: the clock's id, timeout, precision and flags. */
  readonly subscription: { readonly bytes: number; readonly clockAt: number };
}

/** `wasi_snapshot_preview1`. */
export const preview1Layout: SnapshotLayout = {
  whence: { set: 0, cur: 1, end: 2 },
  filestat: { bytes: 64, links: { at: 24, isWide: true }, sizeAt: 32 },
  subscription: { bytes: 48, clockAt: 16 },
};

/** `wasi_unstable`, snapshot 0, as of 2019: the clock had another number before its id. */
export const unstableLayout: SnapshotLayout = {
  whence: { cur: 0, end: 1, set: 2 },
  filestat: { bytes: 56, links: { at: 20, isWide: false }, sizeAt: 24 },
  subscription: { bytes: 56, clockAt: 24 },
};

/** Rights, one bit each, in the order of the specification. */
export const right = {
  fdDatasync: 1n << 0n,
  fdRead: 1n << 1n,
  fdSeek: 1n << 2n,
  fdFdstatSetFlags: 1n << 3n,
  fdSync: 1n << 4n,
  fdTell: 1n << 5n,
  fdWrite: 1n << 6n,
  fdAdvise: 1n << 7n,
  fdAllocate: 1n << 8n,
  pathCreateDirectory: 1n << 9n,
  pathCreateFile: 1n << 10n,
  pathLinkSource: 1n << 11n,
  pathLinkTarget: 1n << 12n,
  pathOpen: 1n << 13n,
  fdReaddir: 1n << 14n,
  pathReadlink: 1n << 15n,
  pathRenameSource: 1n << 16n,
  pathRenameTarget: 1n << 17n,
  pathFilestatGet: 1n << 18n,
  pathFilestatSetSize: 1n << 19n,
  pathFilestatSetTimes: 1n << 20n,
  fdFilestatGet: 1n << 21n,
  fdFilestatSetSize: 1n << 22n,
  fdFilestatSetTimes: 1n << 23n,
  pathSymlink: 1n << 24n,
  pathRemoveDirectory: 1n << 25n,
  pathUnlinkFile: 1n << 26n,
  pollFdReadwrite: 1n << 27n,
} as const;

const rightsAll = (1n << 28n) - 1n;

/** What any regular file may be asked. */
export const fileRights =
  right.fdDatasync |
  right.fdRead |
  right.fdSeek |
  right.fdFdstatSetFlags |
  right.fdSync |
  right.fdTell |
  right.fdWrite |
  right.fdAdvise |
  right.fdAllocate |
  right.fdFilestatGet |
  right.fdFilestatSetSize |
  right.fdFilestatSetTimes |
  right.pollFdReadwrite;

/**
 * A directory itself is neither read nor written, and sizes are a matter of open files: who finds
 * the right to set them by path takes rights for something that is enforced.
 */
export const directoryRights =
  (rightsAll & ~fileRights & ~right.pathFilestatSetSize) |
  right.fdFilestatGet |
  right.fdFilestatSetTimes |
  right.fdSync |
  right.fdDatasync |
  right.fdFdstatSetFlags;
/** What may be asked of anything opened below a directory. */
export const inheritedRights = rightsAll;
/** A stream: no place in it, so neither seek nor tell; with them C would take it for a file. */
export const streamReadRights =
  right.fdRead | right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite;
export const streamWriteRights =
  right.fdWrite | right.fdFdstatSetFlags | right.fdFilestatGet | right.pollFdReadwrite;
