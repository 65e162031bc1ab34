/**
 * `path`: everything below a directory that is open. The walk keeps a guest inside it; what may
 * change is the tree's to say. All of them wait: a path may lead onto a disk.
 */
import type { Hostcall } from '../hostcall.ts';
import type { DirectoryDescriptor } from './descriptors.ts';
import { WasiError } from './errno.ts';
import { readTimes, writeFilestat } from './fd.ts';
import type { FileNode, SymlinkNode } from './files/node.ts';
import { type Found, type LastLink, walk } from './files/walk.ts';
import type { HostcallFamily, WasiGuest } from './guest.ts';
import { lookupSymlinkFollow, preview1Layout, type SnapshotLayout } from './layout.ts';
import { openPath } from './path-open.ts';

/** A directory descriptor and a path below it, as they come in. */
interface Place {
  readonly fd: number;
  readonly ptr: number;
  readonly len: number;
}

export function pathHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    ...statHostcalls(guest),
    ...openHostcalls(guest),
    ...changeHostcalls(guest),
    ...linkHostcalls(guest),
  };
}

function statHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    path_filestat_get: pathStatHostcall(guest, preview1Layout),

    path_filestat_set_times: guest.waitingHostcall(
      async (
        fd: number,
        lookup: number,
        ptr: number,
        len: number,
        accessed: bigint,
        modified: bigint,
        flags: number,
      ) => {
        const times = readTimes(guest, { accessed, modified, flags });
        requireNode(await find(guest, { fd, ptr, len }, lookupOf(lookup))).setTimes(times);
      },
    ),
  };
}

/** result ──► filestat, see `writeFilestat` */
export function pathStatHostcall(guest: WasiGuest, { filestat }: SnapshotLayout): Hostcall {
  return guest.waitingHostcall(
    async (fd: number, flags: number, ptr: number, len: number, result: number) => {
      guest.requireRange(result, filestat.bytes);
      const node = requireNode(await find(guest, { fd, ptr, len }, lookupOf(flags)));
      const facts = await guest.waitFor(Promise.resolve(node.facts()));
      writeFilestat(guest, { ptr: result, filestat }, { device: node.device, facts });
    },
  );
}

function openHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /** fdPtr ──► u32 the new descriptor */
    path_open: guest.waitingHostcall(
      async (
        fd: number,
        lookup: number,
        ptr: number,
        len: number,
        oflags: number,
        rights: bigint,
        _inheriting: bigint,
        fdflags: number,
        fdPtr: number,
      ) => {
        guest.requireRange(fdPtr, 4);
        const directory = guest.process.descriptors.directory(fd);
        const path = guest.readPath(ptr, len);
        const asked = { path, lookup, oflags, rights, fdflags };
        const opened = await openPath(guest, directory, asked);
        guest.writeU32(fdPtr, opened);
      },
    ),

    /** buf ──► the target, cut at the buffer's end, without NUL; nPtr ──► u32 its bytes there */
    path_readlink: guest.waitingHostcall(
      async (fd: number, ptr: number, len: number, buf: number, bufLen: number, nPtr: number) => {
        guest.requireRange(buf, bufLen >>> 0);
        guest.requireRange(nPtr, 4);
        const node = requireNode(await find(guest, { fd, ptr, len }, 'look'));
        if (node.kind !== 'symlink') throw new WasiError('inval');
        const target = Buffer.from(node.target).subarray(0, bufLen >>> 0);
        guest.writeBytes(buf, target);
        guest.writeU32(nPtr, target.length);
      },
    ),
  };
}

function changeHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    path_create_directory: guest.waitingHostcall(async (fd: number, ptr: number, len: number) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      if (found.node !== undefined) throw new WasiError('exist');
      found.parent.createDirectory(found.name);
    }),

    path_remove_directory: guest.waitingHostcall(async (fd: number, ptr: number, len: number) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      requireEntry(found);
      found.parent.removeDirectory(found.name);
    }),

    path_unlink_file: guest.waitingHostcall(async (fd: number, ptr: number, len: number) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      const node = requireEntry(found);
      if (found.mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
      found.parent.unlink(found.name);
    }),

    path_rename: guest.waitingHostcall(
      async (
        fd: number,
        ptr: number,
        len: number,
        newFd: number,
        newPtr: number,
        newLen: number,
      ) => {
        const from = await find(guest, { fd, ptr, len }, 'change');
        const to = await find(guest, { fd: newFd, ptr: newPtr, len: newLen }, 'change');
        const node = requireEntry(from);
        if (to.name === '.') throw new WasiError('busy');
        const mustBeDirectory = from.mustBeDirectory || to.mustBeDirectory;
        if (mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
        from.parent.rename(from.name, to.parent, to.name);
      },
    ),
  };
}

function linkHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /** A link that is to be followed first is refused: no system agrees with another on it. */
    path_link: guest.waitingHostcall(
      async (
        fd: number,
        lookup: number,
        ptr: number,
        len: number,
        newFd: number,
        newPtr: number,
        newLen: number,
      ) => {
        if ((lookup & lookupSymlinkFollow) !== 0) throw new WasiError('inval');
        const from = await find(guest, { fd, ptr, len }, 'change');
        const to = await find(guest, { fd: newFd, ptr: newPtr, len: newLen }, 'change');
        const node = requireLinkable(from);
        requireNewName(to);
        to.parent.link(to.name, node);
      },
    ),

    path_symlink: guest.waitingHostcall(
      async (targetPtr: number, targetLen: number, fd: number, ptr: number, len: number) => {
        const target = guest.readPath(targetPtr, targetLen);
        if (target === '') throw new WasiError('noent');
        if (target.includes('\0')) throw new WasiError('inval');
        if (target.startsWith('/')) throw new WasiError('notcapable');
        const found = await find(guest, { fd, ptr, len }, 'change');
        requireNewName(found);
        found.parent.createSymlink(found.name, target);
      },
    ),
  };
}

async function find(guest: WasiGuest, place: Place, lastLink: LastLink): Promise<Found> {
  const directory: DirectoryDescriptor = guest.process.descriptors.directory(place.fd);
  const path = guest.readPath(place.ptr, place.len);
  return guest.waitFor(walk(directory.node, path, lastLink));
}

function lookupOf(flags: number): LastLink {
  return (flags & lookupSymlinkFollow) !== 0 ? 'follow' : 'look';
}

function requireNode({ node, mustBeDirectory }: Found): NonNullable<Found['node']> {
  if (node === undefined) throw new WasiError('noent');
  if (mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
  return node;
}

/** An entry that can be removed or moved, which the directory one stands in cannot. */
function requireEntry({ node, name }: Found): NonNullable<Found['node']> {
  if (name === '.') throw new WasiError('inval');
  if (node === undefined) throw new WasiError('noent');
  return node;
}

function requireLinkable(found: Found): FileNode | SymlinkNode {
  const node = requireNode(found);
  if (node.kind === 'directory') throw new WasiError('perm');
  return node;
}

function requireNewName({ node, mustBeDirectory }: Found): void {
  if (node !== undefined) throw new WasiError('exist');
  if (mustBeDirectory) throw new WasiError('noent');
}
