/** `path_open`: what a path, its flags and rights make of a node. */
import { WasiError } from '../objects/files/errno.ts';
import { type Opened, openAt } from '../objects/files/open.ts';
import type { DirectoryDescriptor } from './descriptors.ts';
import type { WasiGuest } from './guest.ts';
import {
  directoryRights,
  fdflagsAll,
  fileRights,
  inheritedRights,
  lookupSymlinkFollow,
  oflag,
  oflagsAll,
  right,
} from './layout.ts';

export interface OpenAsked {
  readonly path: string;
  readonly lookup: number;
  readonly oflags: number;
  /** Of them only reading and writing count. */
  readonly rights: bigint;
  readonly fdflags: number;
}

/**
 * The number of the new descriptor.
 *
 * @throws WasiError
 */
export async function openPath(
  guest: WasiGuest,
  directory: DirectoryDescriptor,
  asked: OpenAsked,
): Promise<number> {
  const { path, lookup, oflags, rights, fdflags } = asked;
  if ((oflags & ~oflagsAll) !== 0 || (fdflags & ~fdflagsAll) !== 0) throw new WasiError('inval');
  guest.process.descriptors.requireRoom();
  const wishes = {
    path,
    followsLink: (lookup & lookupSymlinkFollow) !== 0,
    creates: (oflags & oflag.creat) !== 0,
    isExclusive: (oflags & oflag.excl) !== 0,
    wantsDirectory: (oflags & oflag.directory) !== 0,
    truncates: (oflags & oflag.trunc) !== 0,
    reads: (rights & right.fdRead) !== 0n,
    writes: (rights & right.fdWrite) !== 0n,
  };
  const opened = await openAt(directory.node, wishes, (work) => guest.waitFor(work));
  return await addDescriptor(guest, opened, fdflags);
}

async function addDescriptor(guest: WasiGuest, opened: Opened, flags: number): Promise<number> {
  const { descriptors } = guest.process;
  if (opened.kind === 'directory') {
    return descriptors.add({
      ...opened,
      preopenName: undefined,
      listing: undefined,
      flags,
      rightsBase: directoryRights,
      rightsInheriting: inheritedRights,
    });
  }
  const readable = opened.mayRead ? fileRights : fileRights & ~right.fdRead;
  const rightsBase = opened.mayWrite ? readable : readable & ~right.fdWrite;
  try {
    return descriptors.add({ ...opened, position: 0n, flags, rightsBase, rightsInheriting: 0n });
  } catch (error) {
    await opened.file.close();
    throw error;
  }
}
