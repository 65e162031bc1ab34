/**
 * `args` and `environ`: a list of strings, each ended by NUL, and a list of their addresses.
 *
 *   sizes_get   countPtr ──► u32 2          bytesPtr ──► u32 8
 *   get         ptrs ──► | u32 | u32 |      buffer ──► 'a' '=' '1' NUL 'b' '=' '2' NUL
 */
import type { StringBlock } from '../objects/string-block.ts';
import { answering, waiting } from './declare.ts';
import type { WasiGuest } from './guest.ts';

/** The list of a guest's run. */
type ListOf = (guest: WasiGuest) => StringBlock;

const addressBytes = 4;
const argumentsOf: ListOf = (guest) => guest.process.arguments;
const environmentOf: ListOf = (guest) => guest.process.environment;

export const argsHostcalls = [
  waiting({
    name: 'args_get',
    params: [
      ['argv', 'address'],
      ['argv_buf', 'address'],
    ],
    meaning: 'the arguments: their addresses, and the strings with a NUL each',
    act: (guest, argv, buffer) => giveStrings(guest, argumentsOf, [argv, buffer]),
  }),

  answering({
    name: 'args_sizes_get',
    params: [
      ['argc', 'out_number'],
      ['argv_buf_size', 'out_number'],
    ],
    meaning: 'how many arguments there are, and bytes of all',
    act: (guest, countPtr, bytesPtr) => giveSizes(guest, argumentsOf, [countPtr, bytesPtr]),
  }),
];

export const environHostcalls = [
  waiting({
    name: 'environ_get',
    params: [
      ['environ', 'address'],
      ['environ_buf', 'address'],
    ],
    meaning: 'the environment as `NAME=value`: addresses, and the strings with a NUL each',
    act: (guest, ptrs, buffer) =>
      afterPreparing(guest, () => giveStrings(guest, environmentOf, [ptrs, buffer])),
  }),

  waiting({
    name: 'environ_sizes_get',
    params: [
      ['environc', 'out_number'],
      ['environ_buf_size', 'out_number'],
    ],
    meaning: 'how many variables there are, and bytes of all',
    act: (guest, countPtr, bytesPtr) =>
      afterPreparing(guest, () => giveSizes(guest, environmentOf, [countPtr, bytesPtr])),
  }),
];

/** The environment may have to wait for the length of the body. */
function afterPreparing(guest: WasiGuest, give: () => undefined): Promise<void> | undefined {
  const wait = guest.process.prepareEnvironment();
  return wait === undefined ? give() : guest.waitFor(wait).then(give);
}

/**
 * Two writes for the whole list: each one looks at the memory anew, and lists are long.
 *
 * @throws WasiError, as the next
 */
function giveStrings(
  guest: WasiGuest,
  list: ListOf,
  [ptrs, buffer]: readonly [ptrs: number, buffer: number],
): undefined {
  const { starts, text } = list(guest);
  guest.requireRange(ptrs, starts.length * addressBytes);
  guest.requireRange(buffer, text.length);
  guest.writeAddresses(ptrs, buffer, starts);
  guest.writeText(buffer, text);
}

function giveSizes(
  guest: WasiGuest,
  list: ListOf,
  [countPtr, bytesPtr]: readonly [countPtr: number, bytesPtr: number],
): undefined {
  const { count, text } = list(guest);
  guest.requireRange(countPtr, 4);
  guest.requireRange(bytesPtr, 4);
  guest.writeU32(countPtr, count);
  guest.writeU32(bytesPtr, text.length);
}
