/**
 * How values of a type cross (component-model, CanonicalABI.md: "Loading" to "Lowering Flat").
 * Made once for each type; what guests pass is checked here, what the host gives is right.
 *
 *   bool            boolean              list<u8>        Uint8Array; see below
 *   u8 … s32, f32   number               list, tuple,
 *   u64, s64        bigint               record          an array, in order
 *   char            its code point       option          the value, or undefined
 *   string          string               variant, result { tag, value }; an option of options, too
 *   flags, enum     a number             own, borrow     the object that it names
 *
 * In place of a Uint8Array the host may give a string of which each character is a byte.
 */
import type { WasmValue } from '../abi.ts';
import type { Crossing } from './crossing.ts';

export interface Codec {
  readonly size: number;
  readonly align: number;
  readonly flatCount: number;
  /** From core values, beginning at `at`. */
  lift(crossing: Crossing, flat: readonly WasmValue[], at: number): unknown;
  /** From memory, at an aligned address. */
  load(crossing: Crossing, ptr: number): unknown;
  /** To core values, at the end of `flat`. */
  lower(crossing: Crossing, value: never, flat: WasmValue[]): void;
  /** The same for the only core value; left out where that is no shorter way, or there are more. */
  lowerOne?(crossing: Crossing, value: never): WasmValue;
  /** To memory, at an aligned address that the guest gave or allocated. */
  store(crossing: Crossing, value: never, ptr: number): void;
}
