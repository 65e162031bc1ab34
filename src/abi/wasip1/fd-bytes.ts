/**
 * `fd`, what moves bytes: read, write, seek, readdir. Reading the request's body waits for the
 * visitor to send it, writing the answer for the visitor to take it.
 *
 *   iovs ──► | u32 buf | u32 buf_len | …        nPtr ──► u32 bytes moved
 */
import type { Descriptor, DirectoryDescriptor, FileDescriptor } from './descriptors.ts';
import { WasiError } from './errno.ts';
import type { Awaitable, ListedEntry, NodeFacts } from './files/node.ts';
import { countBytes, type HostcallFamily, type MemoryRange, type WasiGuest } from './guest.ts';
import { DIRENT_BYTES, fdflag, filetype, whence } from './layout.ts';
import type { InputStream, OutputStream } from './streams.ts';

/** Moved at once between linear memory and what is behind a descriptor. */
const CHUNK_BYTES = 262_144;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

export function fdBytesHostcalls(guest: WasiGuest): HostcallFamily {
  return { ...readHostcalls(guest), ...writeHostcalls(guest), ...placeHostcalls(guest) };
}

function readHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    fd_pread: guest.waitingHostcall(
      (fd: number, iovs: number, iovsLen: number, offset: bigint, nPtr: number) => {
        const descriptor = readableFile(guest.process.descriptor(fd));
        guest.requireRange(nPtr, 4);
        const ranges = guest.readIovecs(iovs, iovsLen);
        const position = BigInt.asUintN(64, offset);
        if (position > INT64_MAX) throw new WasiError('inval');
        return readFile(guest, descriptor, { ranges, position, nPtr });
      },
    ),

    fd_read: guest.waitingHostcall((fd: number, iovs: number, iovsLen: number, nPtr: number) => {
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
    }),
  };
}

function writeHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    fd_pwrite: guest.hostcall(
      (fd: number, iovs: number, iovsLen: number, offset: bigint, nPtr: number) => {
        const { file } = writableFile(guest.process.descriptor(fd));
        guest.requireRange(nPtr, 4);
        const ranges = guest.readIovecs(iovs, iovsLen);
        const position = BigInt.asUintN(64, offset);
        if (position > INT64_MAX) throw new WasiError('inval');
        guest.writeU32(nPtr, writeRanges(guest, ranges, { file, position }));
      },
    ),

    fd_write: guest.waitingHostcall((fd: number, iovs: number, iovsLen: number, nPtr: number) => {
      const descriptor = guest.process.descriptor(fd);
      guest.requireRange(nPtr, 4);
      const ranges = guest.readIovecs(iovs, iovsLen);
      if (descriptor.kind === 'output') {
        return writeStream(guest, descriptor.stream, { ranges, nPtr });
      }
      return writeAtPlace(guest, writableFile(descriptor), { ranges, nPtr });
    }),
  };
}

function placeHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /**
     * buf ──► dirents, the last one cut where the buffer ends:
     *         u64 next cookie, u64 ino @8, u32 name length @16, u8 type @20, name @24
     *
     * The listing is the one seen at cookie 0: removing what was listed skips nothing.
     */
    fd_readdir: guest.waitingHostcall(
      (fd: number, buf: number, len: number, cookie: bigint, nPtr: number) => {
        const directory = guest.process.descriptors.directory(fd);
        const length = len >>> 0;
        guest.requireRange(buf, length);
        guest.requireRange(nPtr, 4);
        const from = BigInt.asUintN(64, cookie);
        const give = (listing: readonly ListedEntry[]): undefined => {
          directory.listing = listing;
          const start = from < BigInt(listing.length) ? Number(from) : listing.length;
          guest.writeU32(nPtr, writeDirents(guest, listing, { start, buf, length }));
        };
        const known = from === 0n ? undefined : directory.listing;
        const listing = known ?? listWithDots(directory);
        return listing instanceof Promise ? guest.waitFor(listing).then(give) : give(listing);
      },
    ),

    /** ptr ──► u64 the new place */
    fd_seek: guest.waitingHostcall((fd: number, offset: bigint, from: number, ptr: number) => {
      const descriptor = guest.process.descriptors.file(fd);
      guest.requireRange(ptr, 8);
      const { file, position } = descriptor;
      const move = (base: bigint): void => {
        const target = base + BigInt.asIntN(64, offset);
        if (target < 0n || target > INT64_MAX) throw new WasiError('inval');
        descriptor.position = target;
        guest.writeU64(ptr, target);
      };
      if (from === whence.set) move(0n);
      else if (from === whence.cur) move(position);
      else if (from === whence.end) {
        const facts = file.facts();
        if (facts instanceof Promise)
          return guest.waitFor(facts).then((late) => move(late.sizeBytes));
        move(facts.sizeBytes);
      } else throw new WasiError('inval');
      return undefined;
    }),

    /** ptr ──► u64 the place */
    fd_tell: guest.hostcall((fd: number, ptr: number) => {
      guest.writeU64(ptr, guest.process.descriptors.file(fd).position);
    }),
  };
}

/** Gives what is there, or waits for the next bytes; with `nonblock` it answers `again`. */
function readStream(
  guest: WasiGuest,
  stream: InputStream,
  asked: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number; readonly flags: number },
): Promise<void> | undefined {
  const { ranges, nPtr, flags } = asked;
  const bytesMax = Math.min(countBytes(ranges), CHUNK_BYTES);
  const give = (bytes: Uint8Array): void => {
    guest.scatter(ranges, bytes);
    guest.writeU32(nPtr, bytes.length);
  };
  const now = bytesMax === 0 ? new Uint8Array(0) : stream.take(bytesMax);
  if (now !== undefined) {
    give(now);
    return undefined;
  }
  guest.process.stdout.flush();
  if ((flags & fdflag.nonblock) !== 0) throw new WasiError('again');
  return guest
    .waitFor(stream.whenReady())
    .then(() => give(stream.take(bytesMax) ?? new Uint8Array(0)));
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
  const bytes = file.read(position, Math.min(countBytes(ranges), CHUNK_BYTES));
  if (bytes instanceof Promise) return guest.waitFor(bytes).then(give);
  give(bytes);
  return undefined;
}

function writeAtPlace(
  guest: WasiGuest,
  descriptor: FileDescriptor,
  { ranges, nPtr }: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number },
): undefined {
  const { file, flags } = descriptor;
  if ((flags & fdflag.append) !== 0) {
    const facts = file.facts();
    // What can be written is in memory and answers at once.
    if (facts instanceof Promise) throw new WasiError('rofs');
    descriptor.position = facts.sizeBytes;
  }
  const written = writeRanges(guest, ranges, { file, position: descriptor.position });
  descriptor.position += BigInt(written);
  guest.writeU32(nPtr, written);
  return undefined;
}

/** Bytes written: fewer than asked when the quota ends in the middle; none of it is `nospc`. */
function writeRanges(
  guest: WasiGuest,
  ranges: readonly MemoryRange[],
  { file, position }: { readonly file: FileDescriptor['file']; readonly position: bigint },
): number {
  let written = 0;
  for (const part of splitRanges(ranges)) {
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

/**
 * Takes all of it, however long, unless the stream has had enough; the guest waits where the
 * visitor does not keep up. What will be dropped is not even read: 1,024 vectors of the same bytes
 * are as many gigabytes.
 */
function writeStream(
  guest: WasiGuest,
  stream: OutputStream,
  { ranges, nPtr }: { readonly ranges: readonly MemoryRange[]; readonly nPtr: number },
): Promise<void> | undefined {
  const parts = splitRanges(ranges);
  let next = 0;
  let taken = 0;
  const tell = (bytes: number): undefined => void guest.writeU32(nPtr, bytes);
  const goOn = (): Promise<void> | undefined => {
    for (let part = parts[next]; part !== undefined; part = parts[next]) {
      if (stream.isDropping === true) break;
      const written = stream.write(guest.readBytes(part.ptr, part.len));
      if (written !== undefined && !(written instanceof Promise)) {
        const bytes = taken + written.bytes;
        if (written.room === undefined) return tell(bytes);
        return guest.waitFor(written.room).then(() => tell(bytes));
      }
      next += 1;
      taken += part.len;
      if (written !== undefined) return guest.waitFor(written).then(goOn);
    }
    return tell(countBytes(ranges));
  };
  return goOn();
}

/** The same bytes in pieces that are worth one copy. */
function splitRanges(ranges: readonly MemoryRange[]): readonly MemoryRange[] {
  if (ranges.every(({ len }) => len <= CHUNK_BYTES)) return ranges;
  const parts: MemoryRange[] = [];
  for (const { ptr, len } of ranges) {
    for (let done = 0; done < len; done += CHUNK_BYTES) {
      parts.push({ ptr: ptr + done, len: Math.min(CHUNK_BYTES, len - done) });
    }
  }
  return parts;
}

/** What is in memory is listed at once, on the guest's own time. */
function listWithDots({ node }: DirectoryDescriptor): Awaitable<readonly ListedEntry[]> {
  const withDots = (
    { inode }: NodeFacts,
    entries: readonly ListedEntry[],
  ): readonly ListedEntry[] => {
    const dots = ['.', '..'].map((name) => ({ name, filetype: filetype.directory, inode }));
    return [...dots, ...entries];
  };
  const facts = node.facts();
  const entries = node.list();
  if (facts instanceof Promise || entries instanceof Promise) {
    return Promise.all([facts, entries]).then((both) => withDots(...both));
  }
  return withDots(facts, entries);
}

function writeDirents(
  guest: WasiGuest,
  listing: readonly ListedEntry[],
  { start, buf, length }: { readonly start: number; readonly buf: number; readonly length: number },
): number {
  let used = 0;
  for (let index = start; index < listing.length && used < length; index += 1) {
    const entry = listing[index];
    if (entry === undefined) break;
    const dirent = encodeDirent(entry, BigInt(index + 1)).subarray(0, length - used);
    guest.writeBytes((buf >>> 0) + used, dirent);
    used += dirent.length;
  }
  return used;
}

function encodeDirent(entry: ListedEntry, next: bigint): Uint8Array {
  const name = Buffer.from(entry.name);
  const bytes = new Uint8Array(DIRENT_BYTES + name.length);
  const record = new DataView(bytes.buffer);
  record.setBigUint64(0, next, true);
  record.setBigUint64(8, entry.inode, true);
  record.setUint32(16, name.length, true);
  record.setUint8(20, entry.filetype);
  bytes.set(name, DIRENT_BYTES);
  return bytes;
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
