/** What an exception takes of V8's heap. */
import type { ModuleShape, ValueType } from '../shape.ts';

/** The exception itself, and the array that holds its payload. */
const headerBytes = 64;
const wordBytes = 8;

/** V8 keeps a payload in pieces of 16 bits, each in a word of its own; references as they are. */
const payloadWords: ReadonlyMap<ValueType, number> = new Map([
  ['i32', 2],
  ['f32', 2],
  ['i64', 4],
  ['f64', 4],
  ['v128', 8],
]);

/**
 * Without references to exceptions only handlers hold them, and a stack has room for some thousand:
 * so many of these are as much as the stack itself, and programs throw far more in a run.
 */
const freeBytesMax = headerBytes + 8 * wordBytes;

/** What a run is to be charged for throwing tag number `tag`. */
export function chargedBytes(shape: ModuleShape, tag: number): number {
  const bytes = exceptionBytes(shape, tag);
  return shape.features.has('exceptions') || bytes > freeBytesMax ? bytes : 0;
}

/** Bytes that one exception of tag number `tag` takes: 40 to 56 and its payload were measured. */
function exceptionBytes(shape: ModuleShape, tag: number): number {
  const type = shape.types[shape.tags[tag] ?? -1];
  let words = 0;
  if (type?.kind === 'func') for (const param of type.params) words += payloadWords.get(param) ?? 1;
  return headerBytes + words * wordBytes;
}
