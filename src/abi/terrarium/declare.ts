/** How this ABI's hostcalls are declared; their places in the specification are its decisions. */
import { declaring, type Value } from '../hostcall.ts';
import type { TerrariumGuest } from './guest.ts';

export const hostcall = declaring<TerrariumGuest>();

/** Where the guest wants the address and the length of what it is given. */
export const outText = [
  ['out', 'out_text'],
  ['out_len', 'out_length'],
] as const satisfies readonly Value[];

export const outBytes = [
  ['out', 'out_bytes'],
  ['out_len', 'out_length'],
] as const satisfies readonly Value[];

export const outList = [
  ['out', 'out_list'],
  ['out_len', 'out_length'],
] as const satisfies readonly Value[];

/** A header's name. */
export const headerName = [
  ['name', 'text'],
  ['name_len', 'length'],
] as const satisfies readonly Value[];

/** Its values, a line each. */
export const headerValues = [
  ['values', 'list'],
  ['values_len', 'count'],
] as const satisfies readonly Value[];
