/**
 * What a start that is done once has left, and what of it is each request's own: that is written
 * before the program is taken up.
 */

import type { Run } from '../../abi/abi.ts';
import type { EarlyBinding, EarlyKept } from '../../abi/early.ts';
import type { GuestMemory } from '../../abi/memory.ts';
import { freshBytes, makeFresh } from './go-random.ts';
import { type ToldSlots, writeTold } from './told-slots.ts';

export interface Resume {
  /** Where random bytes are written. */
  readonly freshAt: number;
  /** Where the start has left its mark, which stands for something that only a request has. */
  readonly marksAt: readonly number[];
  /** Where the program finds its arguments and environment; undefined where the mark says all. */
  readonly slots: ToldSlots | undefined;
  readonly kept: EarlyKept;
}

/** Written at once, so that nobody else's run comes between. */
const fresh = new Uint8Array(freshBytes);

/** The state of the instance becomes that of `run`. */
export function refresh(
  memory: GuestMemory,
  { freshAt, marksAt, slots }: Resume,
  { run, binding }: { readonly run: Run; readonly binding: EarlyBinding },
): void {
  run.capabilities.fillRandom(fresh);
  makeFresh(fresh);
  memory.writeBytes(freshAt, fresh);
  fresh.fill(0);
  const told = binding.told?.();
  if (slots !== undefined && told !== undefined) writeTold(memory, slots, told);
  if (marksAt.length === 0) return;
  const mark = binding.markOf(run.exchange.request.id);
  for (const at of marksAt) memory.writeLatin1(at, mark);
}
