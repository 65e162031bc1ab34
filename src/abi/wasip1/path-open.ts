/** `path_open`: what a path, its flags and rights make of a node. */
import type { DirectoryDescriptor } from './descriptors.ts';
import { WasiError } from './errno.ts';
import type { Awaitable, FileNode, Node } from './files/node.ts';
import { type Found, walk } from './files/walk.ts';
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
  const { oflags, fdflags } = asked;
  if ((oflags & ~oflagsAll) !== 0 || (fdflags & ~fdflagsAll) !== 0) throw new WasiError('inval');
  const creates = (oflags & oflag.creat) !== 0;
  const isExclusive = creates && (oflags & oflag.excl) !== 0;
  if (creates && (oflags & oflag.directory) !== 0) throw new WasiError('inval');
  const { descriptors } = guest.process;
  descriptors.requireRoom();
  const isFollowing = (asked.lookup & lookupSymlinkFollow) !== 0 && !isExclusive;
  const found = await guest.waitFor(
    walk(directory.node, asked.path, isFollowing ? 'follow' : 'look'),
  );
  if (found.node !== undefined && isExclusive) throw new WasiError('exist');
  const node =
    found.node ?? (await guest.waitFor(Promise.resolve(create(found, { creates, isExclusive }))));
  if (node.kind === 'directory') return openDirectory(guest, node, asked);
  const file = requireFile(found, node, asked);
  return openFile(guest, file, asked);
}

function create(
  found: Found,
  { creates, isExclusive }: { readonly creates: boolean; readonly isExclusive: boolean },
): Awaitable<FileNode> {
  if (!creates) throw new WasiError('noent');
  if (found.mustBeDirectory) throw new WasiError('isdir');
  return found.parent.createFile(found.name, isExclusive);
}

function openDirectory(
  guest: WasiGuest,
  node: Node & { readonly kind: 'directory' },
  { oflags, rights, fdflags }: OpenAsked,
): number {
  const isChanging =
    (rights & right.fdWrite) !== 0n || (oflags & (oflag.trunc | oflag.creat)) !== 0;
  if (isChanging) throw new WasiError('isdir');
  return guest.process.descriptors.add({
    kind: 'directory',
    node,
    preopenName: undefined,
    listing: undefined,
    flags: fdflags,
    rightsBase: directoryRights,
    rightsInheriting: inheritedRights,
  });
}

function requireFile(found: Found, node: Node, { oflags, rights }: OpenAsked): FileNode {
  if (node.kind === 'symlink') throw new WasiError('loop');
  if (node.kind === 'directory') throw new WasiError('isdir');
  if ((oflags & oflag.directory) !== 0 || found.mustBeDirectory) throw new WasiError('notdir');
  const isChanging = (rights & right.fdWrite) !== 0n || (oflags & oflag.trunc) !== 0;
  if (isChanging && node.isReadOnly) throw new WasiError('rofs');
  return node;
}

async function openFile(guest: WasiGuest, node: FileNode, asked: OpenAsked): Promise<number> {
  const { descriptors } = guest.process;
  const mayWrite = (asked.rights & right.fdWrite) !== 0n;
  // Who asked for neither can at least read: some libraries ask for no rights at all.
  const mayRead = (asked.rights & right.fdRead) !== 0n || !mayWrite;
  const file = await guest.waitFor(Promise.resolve(node.open()));
  try {
    if ((asked.oflags & oflag.trunc) !== 0) file.resize(0n);
    const readable = mayRead ? fileRights : fileRights & ~right.fdRead;
    const rightsBase = mayWrite ? readable : readable & ~right.fdWrite;
    const flags = asked.fdflags;
    const access = { mayRead, mayWrite, flags, rightsBase, rightsInheriting: 0n };
    return descriptors.add({ kind: 'file', node, file, position: 0n, ...access });
  } catch (error) {
    await file.close();
    throw error;
  }
}
