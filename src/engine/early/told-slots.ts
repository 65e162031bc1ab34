/**
 * Where a Go program that was started once finds its arguments and its environment, so that each
 * request writes its own: two slices of strings, and one long string that is room for their bytes.
 *
 *   os.Args, syscall.envs   u64 pointer ──► | string | string | …     u64 length, u64 capacity
 *   string                  u64 pointer ──► bytes, u64 length
 *
 * Go's collector keeps an object for as long as anything points into it, so what points into the
 * room keeps all of it; the runtime's own copy of the environment points there always. A variable
 * without a byte is one that was deleted, to Go.
 */
import type { Buffer } from 'node:buffer';
import type { EarlyStrings, EarlyTold, ToldStrings } from '../../abi/early.ts';
import type { GuestMemory } from '../../abi/memory.ts';
import { pieceBytes, type Steps } from '../../abi/steps.ts';
import type { EarlyToldFacts } from '../../threads/program.ts';

export interface ToldSlots {
  /** Of the slice `os.Args`. */
  readonly argumentsAt: number;
  readonly argumentSlots: number;
  readonly variableSlots: number;
  readonly roomAt: number;
  /** Other places that have the first argument. */
  readonly namesAt: readonly number[];
  readonly strings: EarlyStrings;
}

const stringBytes = 16;
const wordBytes = 8;
/** Strings of arguments or of variables, at most. */
const slotsMax = 256;
/** Stacks keep what was on them. */
const namesMax = 64;

interface Slice {
  readonly at: number;
  readonly length: number;
}

/**
 * Finds them in the memory of a program that has ended its start, and leaves no string in them;
 * undefined where anything is otherwise than the start was told it. `mark` is what it was told.
 */
export function* findSlots(
  memory: Buffer,
  facts: EarlyToldFacts,
  { strings, mark }: { readonly strings: EarlyStrings; readonly mark: string },
): Steps<ToldSlots | undefined> {
  const { argumentsMax, variablesMax, roomBytes } = strings;
  const args = readSlice(memory, facts.argumentsAt);
  const variables = readSlice(memory, facts.environmentAt);
  if (argumentsMax > slotsMax || variablesMax > slotsMax) return undefined;
  if (args?.length !== argumentsMax || variables === undefined) return undefined;
  if (variables.length < variablesMax) return undefined;
  const isMark = (at: number, length: number): boolean => {
    const text = readString(memory, at);
    return text?.length === length && memory.indexOf(mark, text.at, 'latin1') === text.at;
  };
  for (let each = 0; each < argumentsMax; each += 1) {
    if (!isMark(args.at + each * stringBytes, mark.length)) return undefined;
  }
  for (let each = 0; each < variablesMax; each += 1) {
    const length = each === 0 ? roomBytes : mark.length;
    if (!isMark(variables.at + each * stringBytes, length)) return undefined;
  }
  const roomAt = readString(memory, variables.at)?.at;
  const name = readString(memory, args.at);
  if (roomAt === undefined || name === undefined) return undefined;
  memory.fill(0, args.at, args.at + argumentsMax * stringBytes);
  memory.fill(0, variables.at, variables.at + variablesMax * stringBytes);
  const namesAt = facts.copiesArgument ? yield* findStrings(memory, name) : [];
  if (namesAt.length > namesMax) return undefined;
  return {
    argumentsAt: facts.argumentsAt,
    argumentSlots: args.at,
    variableSlots: variables.at,
    roomAt,
    namesAt,
    strings,
  };
}

/** Written at once, so that nobody else's run comes between. */
const scratch = new Uint32Array((slotsMax * stringBytes) / 4);

/** Writes what a run tells its program. The caller has seen to it that there is room. */
export function writeTold(memory: GuestMemory, slots: ToldSlots, told: EarlyTold): void {
  const { arguments: args, environment } = told;
  const { argumentsMax, variablesMax, roomBytes } = slots.strings;
  const bytes = args.text.length + environment.text.length;
  const count = args.starts.length;
  if (bytes > roomBytes || count > argumentsMax || environment.starts.length > variablesMax) {
    throw new RangeError(`Cannot tell the program what it is asked: received ${bytes} bytes`);
  }
  const { roomAt } = slots;
  memory.writeLatin1(roomAt, args.text);
  memory.writeLatin1(roomAt + args.text.length, environment.text);
  memory.writeBytes(slots.argumentSlots, layOut(args, roomAt));
  for (const at of slots.namesAt) memory.writeBytes(at, layOut(args, roomAt).subarray(0, 16));
  // Its capacity, too: what is appended must not be seen by who has appended something else.
  memory.writeU64(slots.argumentsAt + wordBytes, BigInt(count));
  memory.writeU64(slots.argumentsAt + 2 * wordBytes, BigInt(count));
  memory.writeBytes(slots.variableSlots, layOut(environment, roomAt + args.text.length));
}

/** Good until the next call. */
function layOut({ starts, text }: ToldStrings, base: number): Uint8Array {
  const { length: count } = starts;
  for (let each = 0; each < count; each += 1) {
    const start = starts[each] ?? 0;
    // Each is followed by a NUL.
    const end = (starts[each + 1] ?? text.length) - 1;
    scratch[each * 4] = base + start;
    scratch[each * 4 + 2] = end - start;
  }
  return new Uint8Array(scratch.buffer, 0, count * stringBytes);
}

function readSlice(memory: Buffer, at: number): Slice | undefined {
  if (at + 3 * wordBytes > memory.length) return undefined;
  const array = readRange(memory, at, stringBytes);
  const capacity = memory.readBigUInt64LE(at + 2 * wordBytes);
  return array !== undefined && capacity >= array.length ? array : undefined;
}

function readString(memory: Buffer, at: number): Slice | undefined {
  return readRange(memory, at, 1);
}

/** Pointer and length at `at`, of so many things that lie in memory. */
function readRange(memory: Buffer, at: number, eachBytes: number): Slice | undefined {
  const start = memory.readBigUInt64LE(at);
  const length = memory.readBigUInt64LE(at + wordBytes);
  const end = start + length * BigInt(eachBytes);
  if (start === 0n || end > memory.length) return undefined;
  return { at: Number(start), length: Number(length) };
}

/** Where memory has the string of these bytes, and not only the same text. */
function* findStrings(memory: Buffer, { at, length }: Slice): Steps<readonly number[]> {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, Math.floor(memory.length / 4));
  const found: number[] = [];
  for (let word = 0; word + 3 < words.length; word += 2) {
    if (word % (pieceBytes / 4) === 0) yield;
    if (words[word] !== at || words[word + 1] !== 0) continue;
    if (words[word + 2] === length && words[word + 3] === 0) found.push(word * 4);
  }
  return found;
}
