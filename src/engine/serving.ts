/** What an activation sees of the instance that serves its run. */
import type { OffsetMap } from '../wasm/offsets.ts';
import type { PortOwner } from './program-hostcalls.ts';
import type { GuestCharge } from './supply/guest-charge.ts';

/** A memory as one core has it: under a number of its own. */
export interface CoreMemory {
  readonly core: number;
  readonly index: number;
}

export interface ServingInstance extends PortOwner {
  /** The number in the program of a core's own memory number `memory`. */
  memoryNumber(core: number, memory: number): number;
  /** Bytes that memory number `memory` takes now: earlier runs may have grown it. */
  physicalBytesOf(memory: number): number;
  readonly charge: Pick<GuestCharge, 'tryGrow'>;
  /** Bytes of all memories but number `memory`. */
  bytesBeside(memory: number): number;
  /** Gives a memory that several cores share the size that `asking`, one of them, wants. */
  growShared(memory: number, pages: number, asking: CoreMemory): boolean;
  /** Where its code stands in the original; undefined where it is several modules. */
  readonly offsets: OffsetMap | undefined;
}
