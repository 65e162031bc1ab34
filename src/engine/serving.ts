/** What an activation sees of the instance that serves its run. */
import type { OffsetMap } from '../wasm/offsets.ts';
import type { GuestCharge } from './supply/guest-charge.ts';

export interface ServingInstance {
  /** Bytes that memory number `memory` takes now: earlier runs may have grown it. */
  physicalBytesOf(memory: number): number;
  readonly charge: Pick<GuestCharge, 'tryGrow'>;
  /** Bytes of all memories but number `memory`. */
  bytesBeside(memory: number): number;
  /** Where its code stands in the original. */
  readonly offsets: OffsetMap;
}
