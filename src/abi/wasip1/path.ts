/**
 * `path`: everything below a directory that is open. The walk keeps a guest inside it; what may
 * change is the tree's to say. All of them wait: a path may lead onto a disk.
 */
import { Buffer } from 'node:buffer';
import type { DeclaredHostcall } from '../hostcall.ts';
import { WasiError } from '../objects/files/errno.ts';
import {
  requireEntry,
  requireLinkable,
  requireNewName,
  requireNode,
} from '../objects/files/found.ts';
import { type Found, type LastLink, walk } from '../objects/files/walk.ts';
import { waiting } from './declare.ts';
import type { DirectoryDescriptor } from './descriptors.ts';
import { readTimes, writeFilestat } from './fd.ts';
import type { WasiGuest } from './guest.ts';
import { lookupSymlinkFollow, preview1Layout, type SnapshotLayout } from './layout.ts';
import { openPath } from './path-open.ts';

/** A directory descriptor and a path below it, as they come in. */
interface Place {
  readonly fd: number;
  readonly ptr: number;
  readonly len: number;
}

const statHostcalls = [
  pathStat(preview1Layout),

  waiting({
    name: 'path_filestat_set_times',
    params: [
      ['fd', 'fd'],
      ['flags', 'flags'],
      ['path', 'text'],
      ['path_len', 'length'],
      ['atim', 'number64'],
      ['mtim', 'number64'],
      ['fst_flags', 'flags'],
    ],
    meaning: '',
    act: async (guest, fd, lookup, ptr, len, accessed, modified, flags) => {
      const times = readTimes(guest, { accessed, modified, flags });
      const node = requireNode(await find(guest, { fd, ptr, len }, lookupOf(lookup)));
      await guest.waitFor(Promise.resolve(node.setTimes(times)));
    },
  }),
];

/** result ──► filestat, see `writeFilestat` */
export function pathStat({ filestat }: SnapshotLayout): DeclaredHostcall<WasiGuest> {
  return waiting({
    name: 'path_filestat_get',
    params: [
      ['fd', 'fd'],
      ['flags', 'flags'],
      ['path', 'text'],
      ['path_len', 'length'],
      ['stat', 'address'],
    ],
    meaning: 'as `fd_filestat_get`',
    act: async (guest, fd, flags, ptr, len, result) => {
      guest.requireRange(result, filestat.bytes);
      const node = requireNode(await find(guest, { fd, ptr, len }, lookupOf(flags)));
      const facts = await guest.waitFor(Promise.resolve(node.facts()));
      writeFilestat(guest, { ptr: result, filestat }, { device: node.device, facts });
    },
  });
}

const openHostcalls = [
  /** fdPtr ──► u32 the new descriptor */
  waiting({
    name: 'path_open',
    params: [
      ['fd', 'fd'],
      ['dirflags', 'flags'],
      ['path', 'text'],
      ['path_len', 'length'],
      ['oflags', 'flags'],
      ['rights_base', 'flags64'],
      ['rights_inheriting', 'flags64'],
      ['fdflags', 'flags'],
      ['opened', 'out_fd'],
    ],
    meaning: 'opens a file or a directory',
    act: async (guest, fd, lookup, ptr, len, oflags, rights, _inheriting, fdflags, fdPtr) => {
      guest.requireRange(fdPtr, 4);
      const directory = guest.process.descriptors.directory(fd);
      const path = guest.readPath(ptr, len);
      const asked = { path, lookup, oflags, rights, fdflags };
      const opened = await openPath(guest, directory, asked);
      guest.writeU32(fdPtr, opened);
    },
  }),

  /** buf ──► the target, cut at the buffer's end, without NUL; nPtr ──► u32 its bytes there */
  waiting({
    name: 'path_readlink',
    params: [
      ['fd', 'fd'],
      ['path', 'text'],
      ['path_len', 'length'],
      ['buf', 'room'],
      ['buf_len', 'length'],
      ['bufused', 'out_number'],
    ],
    meaning: 'the target of a symbolic link, cut where the buffer ends',
    act: async (guest, fd, ptr, len, buf, bufLen, nPtr) => {
      guest.requireRange(buf, bufLen >>> 0);
      guest.requireRange(nPtr, 4);
      const node = requireNode(await find(guest, { fd, ptr, len }, 'look'));
      if (node.kind !== 'symlink') throw new WasiError('inval');
      const target = Buffer.from(node.target).subarray(0, bufLen >>> 0);
      guest.writeBytes(buf, target);
      guest.writeU32(nPtr, target.length);
    },
  }),
];

const changeHostcalls = [
  waiting({
    name: 'path_create_directory',
    params: [
      ['fd', 'fd'],
      ['path', 'text'],
      ['path_len', 'length'],
    ],
    meaning: '',
    act: async (guest, fd, ptr, len) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      if (found.node !== undefined) throw new WasiError('exist');
      await guest.waitFor(Promise.resolve(found.parent.createDirectory(found.name)));
    },
  }),

  waiting({
    name: 'path_remove_directory',
    params: [
      ['fd', 'fd'],
      ['path', 'text'],
      ['path_len', 'length'],
    ],
    meaning: '',
    act: async (guest, fd, ptr, len) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      requireEntry(found);
      await guest.waitFor(Promise.resolve(found.parent.removeDirectory(found.name)));
    },
  }),

  waiting({
    name: 'path_unlink_file',
    params: [
      ['fd', 'fd'],
      ['path', 'text'],
      ['path_len', 'length'],
    ],
    meaning: '',
    act: async (guest, fd, ptr, len) => {
      const found = await find(guest, { fd, ptr, len }, 'change');
      const node = requireEntry(found);
      if (found.mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
      await guest.waitFor(Promise.resolve(found.parent.unlink(found.name)));
    },
  }),

  waiting({
    name: 'path_rename',
    params: [
      ['fd', 'fd'],
      ['old_path', 'text'],
      ['old_path_len', 'length'],
      ['new_fd', 'fd'],
      ['new_path', 'text'],
      ['new_path_len', 'length'],
    ],
    meaning: '',
    act: async (guest, fd, ptr, len, newFd, newPtr, newLen) => {
      const from = await find(guest, { fd, ptr, len }, 'change');
      const to = await find(guest, { fd: newFd, ptr: newPtr, len: newLen }, 'change');
      const node = requireEntry(from);
      if (to.name === '.') throw new WasiError('busy');
      const mustBeDirectory = from.mustBeDirectory || to.mustBeDirectory;
      if (mustBeDirectory && node.kind !== 'directory') throw new WasiError('notdir');
      await guest.waitFor(Promise.resolve(from.parent.rename(from.name, to.parent, to.name)));
    },
  }),
];

const linkHostcalls = [
  /** A link that is to be followed first is refused: no system agrees with another on it. */
  waiting({
    name: 'path_link',
    params: [
      ['old_fd', 'fd'],
      ['old_flags', 'flags'],
      ['old_path', 'text'],
      ['old_path_len', 'length'],
      ['new_fd', 'fd'],
      ['new_path', 'text'],
      ['new_path_len', 'length'],
    ],
    meaning: '',
    act: async (guest, fd, lookup, ptr, len, newFd, newPtr, newLen) => {
      if ((lookup & lookupSymlinkFollow) !== 0) throw new WasiError('inval');
      const from = await find(guest, { fd, ptr, len }, 'change');
      const to = await find(guest, { fd: newFd, ptr: newPtr, len: newLen }, 'change');
      const node = requireLinkable(from);
      requireNewName(to);
      to.parent.link(to.name, node);
    },
  }),

  waiting({
    name: 'path_symlink',
    params: [
      ['old_path', 'text'],
      ['old_path_len', 'length'],
      ['fd', 'fd'],
      ['new_path', 'text'],
      ['new_path_len', 'length'],
    ],
    meaning: 'the target must stay below the directory',
    act: async (guest, targetPtr, targetLen, fd, ptr, len) => {
      const target = guest.readPath(targetPtr, targetLen);
      if (target === '') throw new WasiError('noent');
      if (target.includes('\0')) throw new WasiError('inval');
      if (target.startsWith('/')) throw new WasiError('notcapable');
      const found = await find(guest, { fd, ptr, len }, 'change');
      requireNewName(found);
      found.parent.createSymlink(found.name, target);
    },
  }),
];

export const pathHostcalls = [
  ...statHostcalls,
  ...openHostcalls,
  ...changeHostcalls,
  ...linkHostcalls,
];

async function find(guest: WasiGuest, place: Place, lastLink: LastLink): Promise<Found> {
  const directory: DirectoryDescriptor = guest.process.descriptors.directory(place.fd);
  const path = guest.readPath(place.ptr, place.len);
  return guest.waitFor(walk(directory.node, path, lastLink));
}

function lookupOf(flags: number): LastLink {
  return (flags & lookupSymlinkFollow) !== 0 ? 'follow' : 'look';
}
