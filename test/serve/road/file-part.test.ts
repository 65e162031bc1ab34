import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FilePart } from '../../../src/serve/road/file-part.ts';
import { guardedFs } from '../../support/guarded-fs.ts';

const kib = 1024;
const limits = { fileOperationTimeoutMs: 10_000, fileOperationsPerMountMax: 2 };
const content = Buffer.from(Array.from({ length: 300 * kib }, (_, at) => (at * 7919) >> 8));

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-part-'));
  path = join(directory, 'a');
  await writeFile(path, content);
});
afterEach(() => rm(directory, { recursive: true }));

/** All pieces of the part, each asked for as `wanted` says, by turns. */
async function readAll(
  part: { readonly first: number; readonly length: number },
  wanted: readonly (readonly [bytesMax: number | undefined, isFree: boolean])[],
) {
  await using file = await guardedFs(limits).open(path);
  const pieces = new FilePart({ file, facts: await file.stat(), ...part });
  const buffers: ArrayBufferLike[] = [];
  const copies: Uint8Array[] = [];
  for (let count = 0; ; count += 1) {
    const [bytesMax, isFree] = wanted[count % wanted.length] ?? [];
    const piece = await pieces.next(bytesMax, isFree);
    if (piece === 'changed') return piece;
    if (piece.length === 0) return { buffers, copies, bytes: Buffer.concat(copies) };
    buffers.push(piece.buffer);
    copies.push(Uint8Array.from(piece));
  }
}

test('pieces have the size that is asked for', async () => {
  const read = await readAll({ first: 5, length: 250 * kib }, [[100 * kib, false]]);
  if (read === 'changed') throw new Error('nobody wrote');
  expect(read.bytes.equals(content.subarray(5, 5 + 250 * kib))).toBe(true);
  expect(read.copies.map(({ length }) => length)).toEqual([100 * kib, 100 * kib, 50 * kib]);
  expect(new Set(read.buffers).size).toBe(3);
});

test('a piece takes the place of the last one where nobody looks at that any more', async () => {
  const read = await readAll({ first: 0, length: content.length }, [[64 * kib, true]]);
  if (read === 'changed') throw new Error('nobody wrote');
  expect(read.bytes.equals(content)).toBe(true);
  expect(new Set(read.buffers).size).toBe(1);
});

test('a small piece does not keep the place of a large one', async () => {
  const wanted = [[128 * kib, true] as const, [16 * kib, true] as const];
  const read = await readAll({ first: 0, length: content.length }, wanted);
  if (read === 'changed') throw new Error('nobody wrote');
  expect(read.bytes.equals(content)).toBe(true);
  expect(read.buffers.map(({ byteLength }) => byteLength / kib)).toEqual([128, 16, 128, 16, 16]);
});
