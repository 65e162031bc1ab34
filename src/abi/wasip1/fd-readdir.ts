/** `fd_readdir`: what is in a directory. */

import { Buffer } from 'node:buffer';
import { filetype } from '../objects/files/filetype.ts';
import type { ListedEntry } from '../objects/files/node.ts';
import { pieceItems, type Steps, wait } from '../steps.ts';
import { waiting } from './declare.ts';
import type { DirectoryDescriptor } from './descriptors.ts';
import type { WasiGuest } from './guest.ts';
import { direntBytes } from './layout.ts';

export const fdReaddir = [
  /**
   * buf ──► dirents, the last one cut where the buffer ends:
   *         u64 next cookie, u64 ino @8, u32 name length @16, u8 type @20, name @24
   *
   * The listing is the one seen at cookie 0: removing what was listed skips nothing.
   */
  waiting({
    name: 'fd_readdir',
    params: [
      ['fd', 'fd'],
      ['buf', 'room'],
      ['buf_len', 'length'],
      ['cookie', 'number64'],
      ['bufused', 'out_number'],
    ],
    meaning: 'entries of a directory; the last one is cut where the buffer ends',
    act: (guest, fd, buf, len, cookie, nPtr) => {
      const directory = guest.process.descriptors.directory(fd);
      const length = len >>> 0;
      guest.requireRange(buf, length);
      guest.requireRange(nPtr, 4);
      const from = BigInt.asUintN(64, cookie);
      return readDirectory(guest, directory, { from, buf, length, nPtr });
    },
  }),
];

function* readDirectory(
  guest: WasiGuest,
  directory: DirectoryDescriptor,
  asked: {
    readonly from: bigint;
    readonly buf: number;
    readonly length: number;
    readonly nPtr: number;
  },
): Steps<void> {
  const { from, nPtr } = asked;
  const known = from === 0n ? undefined : directory.listing;
  const listing = known ?? (yield* listWithDots(directory));
  directory.listing = listing;
  const start = from < BigInt(listing.length) ? Number(from) : listing.length;
  guest.writeU32(nPtr, yield* writeDirents(guest, listing, { ...asked, start }));
}

/** What is in memory is listed at once, on the guest's own time. */
function* listWithDots({ node }: DirectoryDescriptor): Steps<readonly ListedEntry[]> {
  const facts = node.facts();
  const { inode } = facts instanceof Promise ? yield* wait(facts) : facts;
  const listed = node.list();
  const entries = listed instanceof Promise ? yield* wait(listed) : listed;
  const dots = ['.', '..'].map((name) => ({ name, filetype: filetype.directory, inode }));
  return [...dots, ...entries];
}

function* writeDirents(
  guest: WasiGuest,
  listing: readonly ListedEntry[],
  { start, buf, length }: { readonly start: number; readonly buf: number; readonly length: number },
): Steps<number> {
  let used = 0;
  for (let index = start; index < listing.length && used < length; index += 1) {
    const entry = listing[index];
    if (entry === undefined) break;
    if (index > start && (index - start) % pieceItems === 0) yield;
    const dirent = encodeDirent(entry, BigInt(index + 1)).subarray(0, length - used);
    guest.writeBytes((buf >>> 0) + used, dirent);
    used += dirent.length;
  }
  return used;
}

function encodeDirent(entry: ListedEntry, next: bigint): Uint8Array {
  const name = Buffer.from(entry.name);
  const bytes = new Uint8Array(direntBytes + name.length);
  const record = new DataView(bytes.buffer);
  record.setBigUint64(0, next, true);
  record.setBigUint64(8, entry.inode, true);
  record.setUint32(16, name.length, true);
  record.setUint8(20, entry.filetype);
  bytes.set(name, direntBytes);
  return bytes;
}
