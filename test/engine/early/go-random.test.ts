/** Memories laid out as Go's runtime has them, with the numbers of every limit and one beyond. */
import { describe, expect, test } from 'vitest';
import {
  blockWords,
  counterMax,
  counterStep,
  keyWords,
  nextKey,
  writeBlock,
} from '../../../src/engine/early/chacha8.ts';
import { findGenerator, freshBytes, makeFresh } from '../../../src/engine/early/go-random.ts';

const seed = Buffer.from('thirty-two bytes, none of them 0');
const at = { g: 0x100, m: 0x1000, g0: 0x300, generator: 0x1200 } as const;
const memoryBytes = 0x4000;
const mOfG = 48;
const keyAt = 256;
const generatorBytes = 312;

interface Layout {
  /** How many numbers the runtime drew before it made the generator. */
  readonly drawnBefore?: number;
  /** How many keys the generator had before this one. */
  readonly keysBefore?: number;
  readonly counter?: number;
  readonly used?: number;
  readonly count?: number;
  readonly cheapSteps?: number;
  /** Where generators are. */
  readonly places?: readonly number[];
  readonly change?: (memory: Buffer) => void;
}

/** What the runtime draws first: numbers of 64 bits, as two words each. */
function drawFirst(): Uint32Array {
  const words = new Uint32Array(blockWords * (counterMax / counterStep));
  for (let block = 0; block * blockWords < words.length; block += 1) {
    const target = words.subarray(block * blockWords, (block + 1) * blockWords);
    writeBlock(target, wordsOf(seed), block * counterStep);
  }
  return words;
}

function wordsOf(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: keyWords }, (_, word) => bytes.readUInt32LE(word * 4));
}

/** xorshift64+ (Go: `cheaprand64` where it cannot multiply 64 bits by 64). */
function stepCheap([one, two]: readonly [bigint, bigint]): readonly [bigint, bigint] {
  const mixed = BigInt.asUintN(32, one ^ (one << 17n));
  return [two, mixed ^ two ^ (mixed >> 7n) ^ (two >> 16n)];
}

function layOut(layout: Layout = {}): Buffer {
  const { drawnBefore = 0, keysBefore = 0, counter = 0, used = 1, count = 32 } = layout;
  const first = drawFirst().slice(drawnBefore * 2, drawnBefore * 2 + keyWords);
  let key: Uint32Array = first;
  for (let following = 0; following < keysBefore; following += 1) key = nextKey(key);
  const block = new Uint32Array(blockWords);
  writeBlock(block, key, counter);
  const begin = new Uint32Array(blockWords);
  writeBlock(begin, first, 0);
  let cheap: readonly [bigint, bigint] = [BigInt(begin[0] ?? 0), BigInt(begin[1] ?? 0)];
  for (let step = 0; step < (layout.cheapSteps ?? 0); step += 1) cheap = stepCheap(cheap);
  const words = [...block, ...key, used, count, counter, 0, ...cheap.map(Number)];
  const memory = Buffer.alloc(memoryBytes);
  memory.writeUInt32LE(at.m, at.g + mOfG);
  memory.writeUInt32LE(at.g0, at.m);
  memory.writeUInt32LE(at.m, at.g0 + mOfG);
  for (const place of layout.places ?? [at.generator]) {
    for (const [index, word] of words.entries()) memory.writeUInt32LE(word, place + index * 4);
  }
  layout.change?.(memory);
  return memory;
}

const find = (layout?: Layout, from: Buffer = seed): number | undefined =>
  findGenerator(layOut(layout), at.g, from);
const found = at.generator + keyAt;

describe('the generator is found', () => {
  test.each<[string, Layout]>([
    ['as it was made', {}],
    ['behind the 120 numbers that may have been drawn before', { drawnBefore: 120 }],
    ['with the last of 64 keys', { keysBefore: 63 }],
    ['with such a key, behind 23 numbers', { drawnBefore: 23, keysBefore: 63 }],
    ['in its last block, which gives four numbers less', { counter: 12, count: 28, used: 28 }],
    ['at the end of what is looked through', { places: [at.m + 4_096 - generatorBytes] }],
    ['right behind the first word of its thread', { places: [at.m + 8] }],
    ['with the second one after 999,999 steps', { cheapSteps: 999_999 }],
  ])('%s', (_, layout) => {
    const [place = at.generator] = layout.places ?? [];
    expect(find(layout)).toBe(place + keyAt);
  });
});

describe('nothing is taken for it', () => {
  test.each<[string, Layout]>([
    ['that drew more before', { drawnBefore: 121 }],
    ['that has its 65th key', { keysBefore: 64 }],
    ['that has another key, and drew 24 numbers before', { drawnBefore: 24, keysBefore: 1 }],
    ['that lies beyond', { places: [at.m + 4_096 - generatorBytes + 8] }],
    ['that is there twice', { places: [at.generator, at.generator + 512] }],
    ['that is nowhere', { places: [] }],
    ['whose second one is a million steps on', { cheapSteps: 1_000_000 }],
    ['that has given more than there are', { used: 33 }],
    ['that has more than there can be', { count: 33 }],
    ['whose block is none of a key’s four', { counter: 16 }],
    ['whose block is changed by a bit', { change: (memory) => flip(memory, at.generator + 255) }],
    ['whose key is changed by a bit', { change: (memory) => flip(memory, found + 31) }],
  ])('%s', (_, layout) => {
    expect(find(layout)).toBeUndefined();
  });

  test('that comes of other random numbers', () => {
    expect(find({}, Buffer.alloc(32, 1))).toBeUndefined();
  });

  test.each<[string, (memory: Buffer) => void]>([
    ['of no thread', (memory) => memory.writeUInt32LE(0, at.g + mOfG)],
    ['above 4 GiB', (memory) => memory.writeUInt32LE(1, at.g + mOfG + 4)],
    ['of a thread that is not aligned', (memory) => memory.writeUInt32LE(at.m + 4, at.g + mOfG)],
    ['of a thread at the end of memory', (memory) => memory.writeUInt32LE(memoryBytes, at.g + 48)],
    ['of a thread without a stack', (memory) => memory.writeUInt32LE(0, at.m)],
    ['of a thread that runs on its own stack', (memory) => memory.writeUInt32LE(at.g, at.m)],
    ['whose thread is another’s', (memory) => memory.writeUInt32LE(8, at.g0 + mOfG)],
  ])('of a goroutine %s', (_, change) => {
    expect(find({ change })).toBeUndefined();
  });

  test.each([-8, 4, memoryBytes - mOfG, memoryBytes, 2 ** 32, Number.NaN])(
    'of a goroutine at %d',
    (g) => {
      expect(findGenerator(layOut(), g, seed)).toBeUndefined();
    },
  );

  test('in memory that ends within it', () => {
    const memory = layOut().subarray(0, at.generator + generatorBytes);
    expect(findGenerator(memory, at.g, seed)).toBe(found);
    expect(findGenerator(memory.subarray(0, -1), at.g, seed)).toBeUndefined();
  });
});

test('what is written for a request has a new key, nothing of the block, and no zero state', () => {
  const bytes = new Uint8Array(freshBytes).fill(0xff);
  makeFresh(bytes);
  const expected = Buffer.alloc(freshBytes, 0xff).fill(0, 32, 48);
  expect(Buffer.from(bytes)).toEqual(expected);
  const zeros = new Uint8Array(freshBytes);
  makeFresh(zeros);
  expect(zeros[48]).toBe(1);
});

function flip(memory: Buffer, place: number): void {
  memory[place] = (memory[place] ?? 0) ^ 1;
}
