/** How this ABI's hostcalls are declared. None has a way to say that it failed: that is a trap. */
import { declaring, type Value } from '../hostcall.ts';
import type { HandlerGuest } from './guest.ts';

export const hostcall = declaring<HandlerGuest>();

/** Where one text goes if it is not longer than this; its length is the result. */
export const textRoom = [
  ['buf', 'text_room'],
  ['buf_limit', 'length'],
] as const satisfies readonly Value[];

/** The same for what is no text. */
export const bytesRoom = [
  ['buf', 'room'],
  ['buf_limit', 'length'],
] as const satisfies readonly Value[];

export const textLength = [['len', 'number']] as const satisfies readonly Value[];

/** Text, and its length. */
export function text<const N extends string>(name: N) {
  return [
    [name, 'text'],
    [`${name}_len`, 'length'],
  ] as const satisfies readonly Value[];
}
