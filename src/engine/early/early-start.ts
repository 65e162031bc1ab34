/**
 * Starts a program before any request, up to the first hostcall that is a request's or the
 * world's: all runs begin there. What may not be the same for all of them is found, or the program
 * is not started so:
 *
 *  - Random numbers: the runtime's generator gets new ones for each request (go-random.ts). A
 *    program that has drawn some for itself from that generator is not started so; where it asks
 *    the host for more its start ends.
 *  - What only a request has: the start is told a mark in place of it, twice, with another mark.
 *    But for the mark itself the two starts must leave the same, byte for byte: then the program
 *    has copied it at the most, and its copies are written over. (A choice of one in ten by the
 *    whole mark may be alike for both, and would then be that of all requests.)
 *    Where the start is told strings in place of a request's, it ends where the program would look
 *    at one, but for a variable that no request has (lookup.ts, told-slots.ts): twins are then a
 *    second look.
 *  - Time: no time goes by in a start; the real time is not told.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { EarlyGiven } from '../../abi/early.ts';
import { pieceBytes, type Steps } from '../../abi/steps.ts';
import { findGenerator } from './go-random.ts';

/** Globals of a Go program, by their numbers. */
export const GoGlobal = { stackPointer: 0, goroutine: 2 } as const;

/** What must lie below the stack pointer. */
const placeBytes = 8;
/** Of the function's place, behind the 16 bits that are a place in its code: 0 is its beginning. */
const functionShift = 16n;

/** An instance whose start has ended in a hostcall, or where it looked at a request's own. */
export interface Started {
  /** Of the function to call; 0: there is none. Undefined: the start has come to its end. */
  readonly place: number | undefined;
  /** A watched call has happened. */
  readonly hasDrawn: boolean;
  readonly globals: readonly (number | bigint)[];
  readonly memory: WebAssembly.Memory;
}

/** What both starts are told alike. */
export interface StartPlan extends Omit<EarlyGiven, 'mark'> {
  readonly seed: Uint8Array;
}

/**
 * Each as long as what it stands for, and nowhere by chance. They differ in each digit, and in each
 * bit of its value: what a program makes of one digit alone is not the same for both.
 */
export function makeMarks(length: number): { readonly one: string; readonly other: string } {
  const bytes = randomBytes(Math.ceil(length / 2));
  const one = bytes.toString('hex').slice(0, length);
  const other = bytes.map((byte) => ~byte);
  return { one, other: Buffer.from(other).toString('hex').slice(0, length) };
}

/**
 * Notes in memory where the program goes on, and answers where random numbers are written for each
 * request; undefined where it cannot be taken up.
 */
export function prepareResuming(
  started: Started,
  plan: Pick<StartPlan, 'seed'>,
): number | undefined {
  const { place = 0, hasDrawn, globals } = started;
  if (place === 0 || hasDrawn) return undefined;
  const memory = Buffer.from(started.memory.buffer);
  const goroutine = Number(globals[GoGlobal.goroutine] ?? 0n);
  const freshAt = findGenerator(memory, goroutine, plan.seed);
  const below = (Number(globals[GoGlobal.stackPointer] ?? 0) >>> 0) - placeBytes;
  if (freshAt === undefined || below < 0 || below + placeBytes > memory.length) return undefined;
  memory.writeBigUInt64LE(BigInt(place) << functionShift, below);
  return freshAt;
}

/**
 * Where the mark of `one` stands, of which `other`'s differs; undefined where they differ in more.
 */
export function* findMarks(
  { one, other }: { readonly one: Started; readonly other: Started },
  marks: { readonly one: string; readonly other: string; readonly copiesMax: number },
): Steps<readonly number[] | undefined> {
  if (String(one.globals) !== String(other.globals)) return undefined;
  const memory = Buffer.from(one.memory.buffer);
  const otherMemory = Buffer.from(other.memory.buffer);
  if (memory.length !== otherMemory.length) return undefined;
  const found: number[] = [];
  for (let from = 0; from < memory.length; from += pieceBytes) {
    const end = Math.min(from + pieceBytes + marks.one.length - 1, memory.length);
    const piece = memory.subarray(from, end);
    for (let at = piece.indexOf(marks.one, 0, 'latin1'); at >= 0; ) {
      found.push(from + at);
      at = piece.indexOf(marks.one, at + marks.one.length, 'latin1');
    }
    if (found.length > marks.copiesMax) return undefined;
    yield;
  }
  for (const at of found) {
    if (otherMemory.toString('latin1', at, at + marks.other.length) !== marks.other)
      return undefined;
    otherMemory.write(marks.one, at, 'latin1');
  }
  for (let from = 0; from < memory.length; from += pieceBytes) {
    const end = Math.min(from + pieceBytes, memory.length);
    if (memory.compare(otherMemory, from, end, from, end) !== 0) return undefined;
    yield;
  }
  return found;
}
