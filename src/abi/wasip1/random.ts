/** `random`. */

import { WasiError } from '../objects/files/errno.ts';
import type { Steps } from '../steps.ts';
import { waiting } from './declare.ts';
import type { WasiGuest } from './guest.ts';

/** The random numbers of one call; a program that needs more asks again. */
const randomBytesPerCallMax = 1_048_576;
const randomChunkBytes = 65_536;

export const randomHostcalls = [
  /** ptr ──► len random bytes. `inval` for more than one call gives. */
  waiting({
    name: 'random_get',
    params: [
      ['buf', 'room'],
      ['buf_len', 'length'],
    ],
    meaning: 'cryptographic random bytes, up to 1 MiB',
    act: (guest, ptr, len) => {
      const length = len >>> 0;
      guest.requireRange(ptr, length);
      if (length > randomBytesPerCallMax) throw new WasiError('inval');
      return drawRandom(guest, ptr, length);
    },
  }),
];

function* drawRandom(guest: WasiGuest, ptr: number, length: number): Steps<void> {
  const chunk = new Uint8Array(Math.min(length, randomChunkBytes));
  for (let done = 0; done < length; done += chunk.length) {
    if (done > 0) yield;
    const part = chunk.subarray(0, length - done);
    guest.process.capabilities.fillRandom(part);
    guest.writeBytes((ptr >>> 0) + done, part);
  }
  chunk.fill(0);
}
