/** Objects thrown out of the cache by what they are about. */
import { Buffer } from 'node:buffer';
import { type Steps, wait } from '../../steps.ts';
import { text, waiting } from '../declare.ts';
import type { FastlyGuest } from '../guest.ts';
import { type Given, status } from '../status.ts';
import { cacheHandles } from './entries.ts';
import { keyBytesMax } from './lookup.ts';
import { requireBits } from './options.ts';

const bits = { soft: 1, answer: 2 };

export const purgeHostcalls = [
  waiting({
    name: 'purge_surrogate_key',
    params: [...text('surrogate_key'), ['mask', 'flags'], ['opts', 'address']],
    spec: '#purging',
    meaning: 'on this node, of this site',
    act: (guest, keyPtr, keyLen, mask, opts) => {
      requireBits(mask, bits.soft | bits.answer);
      const key = guest.readLatin1(keyPtr, keyLen, keyBytesMax);
      if (key === '' || /[\s,]/.test(key)) return status.inval;
      return purge(guest, key, { mask, opts });
    },
  }),
];

/** purge_options: ret_buf@0, ret_buf_len@4, nwritten_out@8. The answer is JSON with an id. */
function* purge(
  guest: FastlyGuest,
  key: string,
  { mask, opts }: { readonly mask: number; readonly opts: number },
): Steps<Given> {
  const { cache } = guest.run.of(cacheHandles);
  const kind = (mask & bits.soft) === 0 ? 'hard' : 'soft';
  if ((mask & bits.answer) === 0) {
    yield* wait(cache.purge(key, kind));
    return status.ok;
  }
  const at = opts >>> 0;
  const room = {
    ptr: guest.readU32(at),
    len: guest.readU32(at + 4),
    written: guest.readU32(at + 8),
  };
  const id = new Uint8Array(8);
  guest.run.capabilities.fillRandom(id);
  const answer = JSON.stringify({ status: 'ok', id: Buffer.from(id).toString('hex') });
  guest.requireRange(room.ptr, room.len);
  if (room.written !== 0) guest.requireRange(room.written, 4);
  // Where it does not fit nothing is thrown out either: kits ask again.
  if (room.len >= answer.length) yield* wait(cache.purge(key, kind));
  return guest.giveText(room, answer);
}
