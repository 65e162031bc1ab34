/** `fd`, without what moves bytes (`fd-bytes.ts`): descriptors, and what they stand for. */
import type { DeclaredHostcall } from '../hostcall.ts';
import { errno, WasiError } from '../objects/files/errno.ts';
import { filetype } from '../objects/files/filetype.ts';
import type { Awaitable, NewTimes, Node, NodeFacts } from '../objects/files/node.ts';
import { answering, telling, waiting } from './declare.ts';
import type { Descriptor } from './descriptors.ts';
import type { WasiGuest } from './guest.ts';
import {
  adviceMax,
  fdflagsAll,
  fdstatBytes,
  fstflag,
  fstflagsAll,
  prestatBytes,
  preview1Layout,
  type SnapshotLayout,
} from './layout.ts';

const stateHostcalls = [
  /** A file that lasts is stored with it. */
  waiting({
    name: 'fd_close',
    params: [['fd', 'fd']],
    meaning: '',
    act: (guest, fd) => closeDescriptor(guest, guest.process.descriptors.take(fd)),
  }),

  /** Output may be held back, and a file that lasts is stored; all else is where it goes. */
  waiting({
    name: 'fd_datasync',
    params: [['fd', 'fd']],
    meaning: 'as `fd_sync`',
    act: (guest, fd) => sync(guest, guest.process.descriptor(fd)),
  }),

  /**
   * ptr ──► u8 filetype, u16 flags @2, u64 rights @8, u64 inheriting rights @16
   *
   * Streams say `unknown`: as a character device without a place C would send line by line.
   */
  answering({
    name: 'fd_fdstat_get',
    params: [
      ['fd', 'fd'],
      ['stat', 'address'],
    ],
    meaning: 'file type, flags, rights',
    act: (guest, fd, ptr) => {
      const descriptor = guest.process.descriptor(fd);
      const at = ptr >>> 0;
      guest.requireRange(at, fdstatBytes);
      guest.writeU32(at, filetypeOf(descriptor) | (descriptor.flags << 16));
      guest.writeU32(at + 4, 0);
      guest.writeU64(at + 8, descriptor.rightsBase);
      guest.writeU64(at + 16, descriptor.rightsInheriting);
    },
  }),

  answering({
    name: 'fd_fdstat_set_flags',
    params: [
      ['fd', 'fd'],
      ['flags', 'flags'],
    ],
    meaning: 'append, non-blocking and so on',
    act: (guest, fd, flags) => {
      const descriptor = guest.process.descriptor(fd);
      if ((flags & ~fdflagsAll) !== 0) throw new WasiError('inval');
      descriptor.flags = flags;
    },
  }),

  /** Rights left the standard; nothing here hangs on them (wasmtime answers the same). */
  answering({
    name: 'fd_fdstat_set_rights',
    params: [
      ['fd', 'fd'],
      ['base', 'flags64'],
      ['inheriting', 'flags64'],
    ],
    meaning: 'answers `notsup`: rights left the standard',
    act: (guest, fd, _base, _inheriting) => {
      guest.process.descriptor(fd);
      throw new WasiError('notsup');
    },
  }),

  waiting({
    name: 'fd_renumber',
    params: [
      ['fd', 'fd'],
      ['to', 'fd'],
    ],
    meaning: '',
    act: (guest, from, to) => {
      const replaced = guest.process.descriptors.renumber(from, to);
      return replaced === undefined ? undefined : closeDescriptor(guest, replaced);
    },
  }),

  waiting({
    name: 'fd_sync',
    params: [['fd', 'fd']],
    meaning: 'what is written leaves at once, or is stored',
    act: (guest, fd) => sync(guest, guest.process.descriptor(fd)),
  }),
];

const fileHostcalls = [
  answering({
    name: 'fd_advise',
    params: [
      ['fd', 'fd'],
      ['offset', 'number64'],
      ['len', 'number64'],
      ['advice', 'number'],
    ],
    meaning: 'nothing is made of it',
    act: (guest, fd, _offset, _len, advice) => {
      requireFile(guest.process.descriptor(fd));
      if (advice >>> 0 > adviceMax) throw new WasiError('inval');
    },
  }),

  answering({
    name: 'fd_allocate',
    params: [
      ['fd', 'fd'],
      ['offset', 'number64'],
      ['len', 'number64'],
    ],
    meaning: 'room in a file that can be written',
    act: (guest, fd, offset, len) => {
      const { file, mayWrite } = requireFile(guest.process.descriptor(fd));
      if (!mayWrite) throw new WasiError('badf');
      const length = BigInt.asUintN(64, len);
      if (length === 0n) throw new WasiError('inval');
      file.allocate(BigInt.asUintN(64, offset) + length);
    },
  }),

  fileStat(preview1Layout),

  answering({
    name: 'fd_filestat_set_size',
    params: [
      ['fd', 'fd'],
      ['size', 'number64'],
    ],
    meaning: '',
    act: (guest, fd, size) => {
      const { file, mayWrite } = requireFile(guest.process.descriptor(fd));
      if (!mayWrite) throw new WasiError('badf');
      file.resize(BigInt.asUintN(64, size));
    },
  }),

  waiting({
    name: 'fd_filestat_set_times',
    params: [
      ['fd', 'fd'],
      ['atim', 'number64'],
      ['mtim', 'number64'],
      ['fst_flags', 'flags'],
    ],
    meaning: '',
    act: (guest, fd, accessed, modified, flags) => {
      const descriptor = guest.process.descriptor(fd);
      const times = readTimes(guest, { accessed, modified, flags });
      if (descriptor.kind !== 'file' || descriptor.file.setTimes === undefined) {
        return later(guest, requireStored(descriptor).setTimes(times));
      }
      descriptor.file.setTimes(times);
      return undefined;
    },
  }),
];

/** ptr ──► filestat, see `writeFilestat` */
export function fileStat({ filestat }: SnapshotLayout): DeclaredHostcall<WasiGuest> {
  return waiting({
    name: 'fd_filestat_get',
    params: [
      ['fd', 'fd'],
      ['stat', 'address'],
    ],
    meaning: 'device, inode, type, links, size, times',
    act: (guest, fd, ptr) => {
      const descriptor = guest.process.descriptor(fd);
      guest.requireRange(ptr, filestat.bytes);
      if (descriptor.kind === 'input' || descriptor.kind === 'output') {
        writeFilestat(guest, { ptr, filestat }, { device: 0n, facts: streamFacts });
        return undefined;
      }
      const { device } = descriptor.node;
      const source = descriptor.kind === 'file' ? descriptor.file : descriptor.node;
      const facts = source.facts();
      if (!(facts instanceof Promise)) {
        writeFilestat(guest, { ptr, filestat }, { device, facts });
        return undefined;
      }
      return guest
        .waitFor(facts)
        .then((late) => writeFilestat(guest, { ptr, filestat }, { device, facts: late }));
    },
  });
}

const preopenHostcalls = [
  /** ptr ──► u8 0 (a directory), u32 length of its name @4. `badf` ends a program's search. */
  telling({
    name: 'fd_prestat_get',
    params: [
      ['fd', 'fd'],
      ['prestat', 'address'],
    ],
    meaning: 'the length of the name of a directory that is open from the start',
    act: (guest, fd, ptr) => {
      const name = preopenNameOf(guest, fd);
      if (name === undefined) return errno.badf;
      const at = ptr >>> 0;
      guest.requireRange(at, prestatBytes);
      guest.writeU32(at, 0);
      guest.writeU32(at + 4, name.length);
      return errno.success;
    },
  }),

  /** ptr ──► the name, without NUL */
  answering({
    name: 'fd_prestat_dir_name',
    params: [
      ['fd', 'fd'],
      ['path', 'room'],
      ['path_len', 'length'],
    ],
    meaning: 'that name',
    act: (guest, fd, ptr, len) => {
      const name = preopenNameOf(guest, fd);
      if (name === undefined) throw new WasiError('badf');
      if (len >>> 0 < name.length) throw new WasiError('nametoolong');
      guest.writeText(ptr, name);
    },
  }),
];

export const fdHostcalls = [...stateHostcalls, ...fileHostcalls, ...preopenHostcalls];

/** One character a byte: the names are ours. */
function preopenNameOf(guest: WasiGuest, fd: number): string | undefined {
  const descriptor = guest.process.descriptors.find(fd);
  return descriptor?.kind === 'directory' ? descriptor.preopenName : undefined;
}

/**
 *   ptr ──► u64 dev, u64 ino @8, u8 filetype @16, u64 nlink @24, u64 size @32,
 *           u64 atim @40, u64 mtim @48, u64 ctim @56
 *
 * and in snapshot 0 u32 nlink @20, u64 size @24, and so on.
 */
export function writeFilestat(
  guest: WasiGuest,
  { ptr, filestat }: { readonly ptr: number; readonly filestat: SnapshotLayout['filestat'] },
  { device, facts }: { readonly device: bigint; readonly facts: NodeFacts },
): void {
  const { bytes, links, sizeAt } = filestat;
  const record = new DataView(new ArrayBuffer(bytes));
  record.setBigUint64(0, device, true);
  record.setBigUint64(8, facts.inode, true);
  record.setUint8(16, facts.filetype);
  if (links.isWide) record.setBigUint64(links.at, facts.links, true);
  else record.setUint32(links.at, Number(facts.links), true);
  record.setBigUint64(sizeAt, facts.sizeBytes, true);
  record.setBigUint64(sizeAt + 8, facts.accessedNs, true);
  record.setBigUint64(sizeAt + 16, facts.modifiedNs, true);
  record.setBigUint64(sizeAt + 24, facts.changedNs, true);
  guest.writeBytes(ptr, new Uint8Array(record.buffer));
}

/** @throws WasiError `inval` for flags that contradict each other */
export function readTimes(
  guest: WasiGuest,
  asked: { readonly accessed: bigint; readonly modified: bigint; readonly flags: number },
): NewTimes {
  const { flags } = asked;
  if ((flags & ~fstflagsAll) !== 0) throw new WasiError('inval');
  const pick = (given: bigint, set: number, now: number): bigint | undefined => {
    if ((flags & set) !== 0 && (flags & now) !== 0) throw new WasiError('inval');
    if ((flags & now) !== 0) return guest.process.capabilities.clock.nowNs();
    return (flags & set) !== 0 ? BigInt.asUintN(64, given) : undefined;
  };
  return {
    accessedNs: pick(asked.accessed, fstflag.atim, fstflag.atimNow),
    modifiedNs: pick(asked.modified, fstflag.mtim, fstflag.mtimNow),
  };
}

function closeDescriptor(guest: WasiGuest, descriptor: Descriptor): Promise<void> | undefined {
  return descriptor.kind === 'file' ? later(guest, descriptor.file.close()) : undefined;
}

/** Most of it is done at once. */
function later(guest: WasiGuest, done: Awaitable<void>): Promise<void> | undefined {
  return done instanceof Promise ? guest.waitFor(done) : undefined;
}

function filetypeOf(descriptor: Descriptor): number {
  if (descriptor.kind === 'directory') return filetype.directory;
  return descriptor.kind === 'file' ? filetype.regularFile : filetype.unknown;
}

function sync(guest: WasiGuest, descriptor: Descriptor): Promise<void> | undefined {
  if (descriptor.kind === 'output') descriptor.stream.flush();
  else requireStored(descriptor);
  return descriptor.kind === 'file' ? later(guest, descriptor.file.sync?.()) : undefined;
}

function requireFile(descriptor: Descriptor): Descriptor & { readonly kind: 'file' } {
  if (descriptor.kind === 'file') return descriptor;
  throw new WasiError(descriptor.kind === 'directory' ? 'badf' : 'spipe');
}

function requireStored(descriptor: Descriptor): Node {
  if (descriptor.kind === 'file' || descriptor.kind === 'directory') return descriptor.node;
  throw new WasiError('inval');
}

const streamFacts: NodeFacts = {
  filetype: filetype.unknown,
  inode: 0n,
  links: 1n,
  sizeBytes: 0n,
  accessedNs: 0n,
  modifiedNs: 0n,
  changedNs: 0n,
};
