/** `fd_seek`: where the next byte of a file is read or written. */
import type { DeclaredHostcall } from '../hostcall.ts';
import { WasiError } from '../objects/files/errno.ts';
import { waiting } from './declare.ts';
import type { WasiGuest } from './guest.ts';
import type { SnapshotLayout } from './layout.ts';

const int64Max = 0x7fff_ffff_ffff_ffffn;

/** ptr ──► u64 the new place */
export function seek({ whence }: SnapshotLayout): DeclaredHostcall<WasiGuest> {
  return waiting({
    name: 'fd_seek',
    params: [
      ['fd', 'fd'],
      ['offset', 'signed64'],
      ['whence', 'number'],
      ['newoffset', 'out_number64'],
    ],
    meaning: '',
    act: (guest, fd, offset, from, ptr) => {
      const descriptor = guest.process.descriptors.file(fd);
      guest.requireRange(ptr, 8);
      const { file, position } = descriptor;
      const move = (base: bigint): void => {
        const target = base + BigInt.asIntN(64, offset);
        if (target < 0n || target > int64Max) throw new WasiError('inval');
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
    },
  });
}
