/** Valid modules that are dear to compile, or more: put together byte by byte. */
import { bytesOf, header, leb, section } from './wasm-bytes.ts';

const name = (text: string) => [...leb(text.length), ...new TextEncoder().encode(text)];
const i32 = 0x7f;

function repeat(times: number, instructions: readonly number[]): number[] {
  return Array.from({ length: times }, () => instructions).flat();
}

/**
 * A module with two functions: `run`, which does what a request does, and `costly`, whose body is
 * given. It has one parameter and one result, both i32; `run` calls it `calls` times. There may be
 * `copies` of it, of which the others are never called.
 */
function moduleAround(
  costly: readonly number[],
  calls: number,
  copies = 1,
): Uint8Array<ArrayBuffer> {
  const loop = [
    ...[0x41, ...signedLeb(calls), 0x21, 0],
    ...[0x03, 0x40, 0x41, 0, 0x10, 1, 0x1a],
    ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x0b],
  ];
  const run = calls === 0 ? [0, 0x0b] : [1, 1, i32, ...loop];
  const body = [...costly, 0x0b];
  return bytesOf(
    header,
    section(1, [2, 0x60, 0, 0, 0x60, 1, i32, 1, i32]),
    section(3, [copies + 1, 0, ...repeat(copies, [1])]),
    section(4, [1, 0x70, 0, 10]),
    section(7, [1, ...name('run'), 0, 0]),
    section(10, [
      copies + 1,
      ...leb(run.length),
      ...run,
      ...repeat(copies, [...leb(body.length), ...body]),
    ]),
    section(0, [...name('name'), 1, 9, 1, 1, ...name('costly')]),
  );
}

function signedLeb(value: number): number[] {
  const bytes = leb(value);
  const last = bytes.at(-1) ?? 0;
  return last < 0x40 ? bytes : [...bytes.slice(0, -1), last | 0x80, 0];
}

/**
 * V8's optimiser counts the edges into a block with 16 bits and ends the process at the 65,536th
 * (seen with V8 14.6). `calls` more than a few hundred make the function hot.
 */
export function killerOfOptimiser(calls: number, edges = 66_000): Uint8Array<ArrayBuffer> {
  const body = [0, 0x02, i32, 0x41, 1];
  for (let edge = 0; edge < edges; edge += 1) {
    body.push(0x1a, 0x20, 0, 0x41, edge & 63, 0x6a, 0x20, 0, 0x0d, 0);
  }
  return moduleAround([...body, 0x0b], calls);
}

/**
 * The same by an exception's way: each call within a `try_table` may throw, and no branch says so.
 */
export function killerByCalls(calls: number, edges = 66_000): Uint8Array<ArrayBuffer> {
  const body = [0, 0x20, 0, 0x04, 0x40, 0x1f, 0x40, 1, 2, 0];
  for (let edge = 0; edge < edges; edge += 1) body.push(0x10, 0, 0x41, edge & 63, 0x21, 0);
  return moduleAround([...body, 0x0b, 0x0b, 0x20, 0], calls);
}

/** Nothing for the baseline compiler, quadratic for the optimiser: 0.4 s at 2,500, 2.2 at 5,000. */
export function manyIfs(count: number, calls = 0, copies = 1): Uint8Array<ArrayBuffer> {
  const one = [0x20, 0, 0x04, 0x40, 0x41, 1, 0x21, 0, 0x0b];
  return moduleAround([0, ...repeat(count, one), 0x20, 0], calls, copies);
}

/** Reads of a table behind a branch that is never taken: quadratic for the optimiser. */
export function manyTableReads(count: number): Uint8Array<ArrayBuffer> {
  const one = [0x20, 0, 0x25, 0, 0x1a];
  return moduleAround([0, 0x41, 0, 0x04, 0x40, ...repeat(count, one), 0x0b, 0x20, 0], 0);
}

/** Values on the operand stack, merged by many blocks: dear for the baseline compiler. */
export function deepStack(values: number, blocks: number): Uint8Array<ArrayBuffer> {
  const block = [0x02, 0x40, 0x20, 0, 0x0d, 0, 0x0b];
  const body = [
    ...repeat(values, [0x20, 0]),
    ...repeat(blocks, block),
    ...repeat(values - 1, [0x6a]),
  ];
  return moduleAround([0, ...body], 0);
}

/** Many locals, merged by many branches: dear for the baseline compiler. */
export function manyLocals(locals: number, branches: number): Uint8Array<ArrayBuffer> {
  const one = [0x41, 0, 0x04, 0x40, 0x05, 0x0b];
  return moduleAround([1, ...leb(locals), i32, ...repeat(branches, one), 0x20, 0], 0);
}
