/**
 * `fd`, what moves bytes: read, write, seek. Reading the request's body waits for the
 * visitor to send it, writing the answer for the visitor to take it.
 *
 *   iovs ──► | u32 buf | u32 buf_len | …        nPtr ──► u32 bytes moved
 */
import { letGo } from '../../account/let-go.ts';
import { noBytes } from '../../http/body.ts';
import type { InputStream, OutputStream, Written } from '../objects/cgi/streams.ts';
import { WasiError } from '../objects/files/errno.ts';
import { pieceBytes, type Steps, wait } from '../steps.ts';
import { answering, waiting } from './declare.ts';
import type { Descriptor, FileDescriptor } from './descriptors.ts';
import { countBytes, type MemoryRange, type WasiGuest } from './guest.ts';
import { fdflag, iovecBytes, preview1Layout } from './layout.ts';
import { seek } from './seek.ts';

const int64Max = 0x7fff_ffff_ffff_ffffn;

const readHostcalls = [
  waiting({
    name: 'fd_pread',
    params: [
      ['fd', 'fd'],
      ['iovs', 'targets'],
      ['iovs_len', 'count'],
      ['offset', 'number64'],
      ['nread', 'out_number'],
    ],
    meaning: 'reads at an offset',
    act: (guest, fd, iovs, iovsLen, offset, nPtr) => {
      const descriptor = readableFile(guest.process.descriptor(fd));
      guest.requireRange(nPtr, 4);
      const ranges = guest.readIovecs(iovs, iovsLen);
      const position = BigInt.asUintN(64, offset);
      if (position > int64Max) throw new WasiError('inval');
      return readFile(guest, descriptor, { ranges, position, nPtr });
    },
  }),

  waiting({
    name: 'fd_read',
    params: [
      ['fd', 'fd'],
      ['iovs', 'targets'],
      ['iovs_len', 'count'],
      ['nread', 'out_number'],
    ],
    meaning: 'reads; waits for input',
    act: (guest, fd, iovs, iovsLen, nPtr) => {
      const descriptor = guest.process.descriptor(fd);
      guest.requireRange(nPtr, 4);
      const ranges = guest.readIovecs(iovs, iovsLen);
      if (descriptor.kind === 'input') {
        return readStream(guest, descriptor.stream, { ranges, nPtr, flags: descriptor.flags });
      }
      const file = readableFile(descriptor);
      const advance = (count: number): void => {
        file.position += BigInt(count);
      };
      return readFile(guest, file, { ranges, position: file.position, nPtr, advance });
    },
  }),
];

const writeHostcalls = [
  waiting({
    name: 'fd_pwrite',
    params: [
      ['fd', 'fd'],
      ['iovs', 'sources'],
      ['iovs_len', 'count'],
      ['offset', 'number64'],
      ['nwritten', 'out_number'],
    ],
    meaning: 'writes at an offset',
    act: (guest, fd, iovs, iovsLen, offset, nPtr) => {
      const { file } = writableFile(guest.process.descriptor(fd));
      guest.requireRange(nPtr, 4);
      const ranges = guest.readIovecs(iovs, iovsLen);
      const position = BigInt.asUintN(64, offset);
      if (position > int64Max) throw new WasiError('inval');
      return writeAt(guest, { ranges, nPtr, file, position });
    },
  }),

  waiting({
    name: 'fd_write',
    params: [
      ['fd', 'fd'],
      ['iovs', 'sources'],
      ['iovs_len', 'count'],
      ['nwritten', 'out_number'],
    ],
    meaning: 'writes; waits where the visitor does not keep up',
    act: (guest, fd, iovs, iovsLen, nPtr) => {
      const descriptor = guest.process.descriptor(fd);
      guest.requireRange(nPtr, 4);
      const isSmall = iovsLen === 1 && descriptor.kind === 'output';
      if (isSmall && gatherOne(guest, descriptor.stream, { iovs, nPtr })) return undefined;
      const ranges = guest.readIovecs(iovs, iovsLen);
      if (descriptor.kind === 'output') {
        return writeStream(guest, descriptor.stream, { ranges, nPtr });
      }
      return writeAtPlace(guest, writableFile(descriptor), { ranges, nPtr });
    },
  }),
];

const placeHostcalls = [
  seek(preview1Layout),

  /** ptr ──► u64 the place */
  answering({
    name: 'fd_tell',
    params: [
      ['fd', 'fd'],
      ['offset', 'out_number64'],
    ],
    meaning: '',
    act: (guest, fd, ptr) => {
      guest.writeU64(ptr, guest.process.descriptors.file(fd).position);
    },
  }),
];

export const fdBytesHostcalls = [...readHostcalls, ...writeHostcalls, ...placeHostcalls];

/** Gives what is there, or waits for the next bytes; with `nonblock` it answers `again`. */
function readStream(
  guest: WasiGuest,
  stream: InputStream,
  asked: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number; readonly flags: number },
): Promise<void> | undefined {
  const { ranges, nPtr, flags } = asked;
  const bytesMax = Math.min(countBytes(ranges), pieceBytes);
  const give = (bytes: Uint8Array): void => {
    const { length } = bytes;
    guest.scatter(ranges, bytes);
    if (stream.givesAway === true) letGo(bytes);
    guest.writeU32(nPtr, length);
  };
  const now = bytesMax === 0 ? noBytes : stream.take(bytesMax);
  if (now !== undefined) {
    give(now);
    return undefined;
  }
  if ((flags & fdflag.nonblock) !== 0) {
    guest.process.noteRetry();
    throw new WasiError('again');
  }
  const endWait = guest.process.beginWait();
  return guest
    .waitFor(stream.whenReady())
    .finally(endWait)
    .then(() => give(stream.take(bytesMax) ?? noBytes));
}

function readFile(
  guest: WasiGuest,
  { file }: FileDescriptor,
  asked: {
    readonly ranges: readonly MemoryRange[];
    readonly position: bigint;
    readonly nPtr: number;
    readonly advance?: (count: number) => void;
  },
): Promise<void> | undefined {
  const { ranges, position, nPtr, advance } = asked;
  const give = (bytes: Uint8Array): void => {
    guest.scatter(ranges, bytes);
    guest.writeU32(nPtr, bytes.length);
    advance?.(bytes.length);
  };
  const bytes = file.read(position, Math.min(countBytes(ranges), pieceBytes));
  if (bytes instanceof Promise) return guest.waitFor(bytes).then(give);
  give(bytes);
  return undefined;
}

function* writeAtPlace(
  guest: WasiGuest,
  descriptor: FileDescriptor,
  { ranges, nPtr }: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number },
): Steps<void> {
  const { file, flags } = descriptor;
  if ((flags & fdflag.append) !== 0) {
    const facts = file.facts();
    // What can be written is in memory and answers at once.
    if (facts instanceof Promise) throw new WasiError('rofs');
    descriptor.position = facts.sizeBytes;
  }
  const written = yield* writeRanges(guest, ranges, { file, position: descriptor.position });
  descriptor.position += BigInt(written);
  guest.writeU32(nPtr, written);
}

function* writeAt(
  guest: WasiGuest,
  to: {
    readonly ranges: readonly MemoryRange[];
    readonly nPtr: number;
    readonly file: FileDescriptor['file'];
    readonly position: bigint;
  },
): Steps<void> {
  guest.writeU32(to.nPtr, yield* writeRanges(guest, to.ranges, to));
}

/** Bytes written: fewer than asked when the quota ends in the middle; none of it is `nospc`. */
function* writeRanges(
  guest: WasiGuest,
  ranges: readonly MemoryRange[],
  { file, position }: { readonly file: FileDescriptor['file']; readonly position: bigint },
): Steps<number> {
  let written = 0;
  for (const part of splitRanges(ranges)) {
    if (written > 0) yield;
    try {
      file.write(position + BigInt(written), guest.readBytes(part.ptr, part.len));
    } catch (error) {
      if (written > 0 && error instanceof WasiError) return written;
      throw error;
    }
    written += part.len;
  }
  return written;
}

/** Most programs write a line or a word at a time: no list of one, and no copy of its own. */
function gatherOne(
  guest: WasiGuest,
  stream: OutputStream,
  { iovs, nPtr }: { readonly iovs: number; readonly nPtr: number },
): boolean {
  const bytesMax = stream.gatherBytesMax;
  if (stream.gather === undefined || bytesMax === undefined) return false;
  const at = iovs >>> 0;
  guest.requireRange(at, iovecBytes);
  const ptr = guest.readU32(at);
  const len = guest.readU32(at + 4);
  if (len === 0 || len > bytesMax) return false;
  stream.gather(guest, ptr, len);
  guest.writeU32(nPtr, len);
  return true;
}

/**
 * Takes all of it, however long, unless the stream has had enough; the guest waits where the
 * visitor does not keep up. What will be dropped is not even read: 1,024 vectors of the same bytes
 * are as many gigabytes. Most programs write little and often, so little is written at once.
 */
function writeStream(
  guest: WasiGuest,
  stream: OutputStream,
  { ranges, nPtr }: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number },
): Steps<void> | undefined {
  const totalBytes = countBytes(ranges);
  const parts = totalBytes > pieceBytes ? splitRanges(ranges) : ranges;
  const work = { parts, next: 0, taken: 0, totalBytes, nPtr };
  return totalBytes > pieceBytes ? writeParts(guest, stream, work) : writeOn(guest, stream, work);
}

/** What is left of a write; `next` and `taken` move on. */
interface WriteWork {
  readonly parts: readonly MemoryRange[];
  next: number;
  taken: number;
  readonly totalBytes: number;
  readonly nPtr: number;
}

/** Writes until the stream wants the guest to wait; then the rest is in the steps. */
function writeOn(guest: WasiGuest, stream: OutputStream, work: WriteWork): Steps<void> | undefined {
  for (let part = work.parts[work.next]; part !== undefined; part = work.parts[work.next]) {
    const written = writePart(guest, stream, part);
    if (written === 'dropped') break;
    if (written !== undefined) return waitAndGoOn(guest, stream, { work, part, written });
    work.next += 1;
    work.taken += part.len;
  }
  guest.writeU32(work.nPtr, work.totalBytes);
  return undefined;
}

/** The same with a chance for others after each part. */
function* writeParts(guest: WasiGuest, stream: OutputStream, work: WriteWork): Steps<void> {
  for (let part = work.parts[work.next]; part !== undefined; part = work.parts[work.next]) {
    if (work.next > 0) yield;
    const written = writePart(guest, stream, part);
    if (written === 'dropped') break;
    if (written !== undefined) {
      yield* waitAndGoOn(guest, stream, { work, part, written });
      return;
    }
    work.next += 1;
    work.taken += part.len;
  }
  guest.writeU32(work.nPtr, work.totalBytes);
}

function writePart(
  guest: WasiGuest,
  stream: OutputStream,
  part: MemoryRange,
): Promise<void> | Written | 'dropped' | undefined {
  if (stream.isDropping === true) return 'dropped';
  const isCopied = part.len < (stream.copiesBelowBytes ?? 0);
  const bytes = isCopied
    ? guest.readBytesPooled(part.ptr, part.len)
    : guest.readBytes(part.ptr, part.len);
  return stream.write(bytes);
}

function* waitAndGoOn(
  guest: WasiGuest,
  stream: OutputStream,
  at: {
    readonly work: WriteWork;
    readonly part: MemoryRange;
    readonly written: Promise<void> | Written;
  },
): Steps<void> {
  const { work, part, written } = at;
  if (written instanceof Promise) {
    yield* wait(written);
    work.next += 1;
    work.taken += part.len;
    yield* writeParts(guest, stream, work);
    return;
  }
  if (written.room !== undefined) yield* wait(written.room);
  guest.writeU32(work.nPtr, work.taken + written.bytes);
}

/** The same bytes in pieces that are worth one copy. */
function splitRanges(ranges: readonly MemoryRange[]): readonly MemoryRange[] {
  if (ranges.every(({ len }) => len <= pieceBytes)) return ranges;
  const parts: MemoryRange[] = [];
  for (const { ptr, len } of ranges) {
    for (let done = 0; done < len; done += pieceBytes) {
      parts.push({ ptr: ptr + done, len: Math.min(pieceBytes, len - done) });
    }
  }
  return parts;
}

function readableFile(descriptor: Descriptor): FileDescriptor {
  const file = requireFile(descriptor);
  if (!file.mayRead) throw new WasiError('badf');
  return file;
}

function writableFile(descriptor: Descriptor): FileDescriptor {
  const file = requireFile(descriptor);
  if (!file.mayWrite) throw new WasiError('badf');
  return file;
}

function requireFile(descriptor: Descriptor): FileDescriptor {
  if (descriptor.kind === 'file') return descriptor;
  throw new WasiError(descriptor.kind === 'directory' ? 'isdir' : 'badf');
}
