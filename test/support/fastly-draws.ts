/**
 * What calls without sense are made of: where in linear memory what lies, and from which numbers an
 * argument of each kind is drawn. Mostly such as may mean something, or nothing would be reached.
 */
import type { ValueType } from '../../src/abi/hostcall.ts';

/** `base`, and `step` as many times as a number below `count` says. */
export interface Spread {
  readonly base: number;
  readonly step: number;
  readonly count: number;
}

/** Bytes of the memory: the first address outside. */
const END = 65_536;
/** Where the texts stand, so many bytes apart, and structures and lists. */
export const TEXTS = 1_000;
export const TEXT_STEP = 400;
export const STRUCTS = 8_000;
export const STRUCT_WORDS = 64;
/** Where the host may write. */
const ROOMS = 40_000;
export const texts: readonly string[] = [
  ...['x-a', 'GET', '/a?b', 'http://a.test/', 'store', 'key', 'back', '192.0.2.0/24', ''],
  ...['a b', '\r\n', '\xff\xfe', '..', '.well-known/acme-challenge', 'stdout', 'v\0w\0'],
  'x'.repeat(300),
];

/** One argument in so many is one of these, whatever is wanted. */
export const STRANGE_ONE_IN = 12;
export const strange: readonly Spread[] = only(
  ...[0, 1, 2, 3, 4, 8, 100, STRUCTS, TEXTS, END - 1, END, 0x7fff_ffff, -1, -2, -8],
);
/** What structures consist of. */
export const words: readonly Spread[] = only(
  ...[0, 1, 2, 3, 5, 8, TEXTS, TEXTS + TEXT_STEP, 300, END, 0xffff_ffff],
);

/** Of several, each is as likely. */
export function spreadsOf(type: ValueType): readonly Spread[] {
  switch (type) {
    case 'handle':
      return [below(24)];
    case 'text':
    case 'bytes':
      return [{ base: TEXTS, step: TEXT_STEP, count: texts.length }];
    case 'length':
      return [below(400), below(16), below(16)];
    case 'count':
      return [below(4)];
    case 'handles':
    case 'address':
      return [{ base: STRUCTS, step: 4, count: 16 }];
    case 'flags':
      return [...only(0), { base: 0, step: 2, count: 2_048 }];
    case 'number':
    case 'signed':
      return only(0, 1, 2, 103, 200, 404, 1_000);
    case 'number64':
      return [below(3)];
    default:
      return [{ base: ROOMS, step: 8, count: 1_000 }];
  }
}

function below(count: number): Spread {
  return { base: 0, step: 1, count };
}

function only(...values: readonly number[]): readonly Spread[] {
  return values.map((base) => ({ base, step: 0, count: 1 }));
}
