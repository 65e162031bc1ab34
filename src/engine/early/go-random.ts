/**
 * Where a Go program keeps what it draws random numbers from, so that each request has its own
 * though all begin with one start. Found by what Go's runtime does (Go 1.22 to 1.26: `rand.go` and
 * `runtime2.go` in runtime/), and taken for that only where it is what comes of the 32 bytes that
 * the host has given: no number of anybody's own making is ever written over.
 *
 *   g ──► | … | m @48 |        m ──► | g0 | … | generator | second generator, u64 |
 *   generator   u64[32] block, u64[4] key, u32 used, u32 there are, u32 counter
 */
import { Buffer } from 'node:buffer';
import { blockWords, counterMax, counterStep, keyWords, nextKey, writeBlock } from './chacha8.ts';

const mOfG = 48;
/** Some 2 KB in all versions. */
const mBytesMax = 4_096;
const wordBytes = 8;
/** Offsets in the generator. */
const keyAt = 256;
const usedAt = 288;
const countAt = 292;
const counterAt = 296;
const cheapAt = 304;
const generatorBytes = 312;
/** Bytes of a generator that are written for a request: from its key to the second one's end. */
export const freshBytes = generatorBytes - keyAt;
/** Of a block how many are given, the last one being the next key. */
const givenCounts = [32, 28];

/** Steps of the second generator within a start: it samples, and shuffles goroutines. */
const cheapStepsMax = 1_000_000;
/** Numbers that the runtime may have drawn before it made the generator. */
const drawnBeforeMax = 124;
/** Of the generator, in a start: 124 numbers each. */
const keysMax = 64;
/** Keys of which those that follow are made, too: the runtime hardly draws before the generator. */
const followedMax = 24;

/**
 * The address of what is to be written for each request; undefined where it is not found.
 *
 * @param g The goroutine that runs. Undefined, too, where that is the system's own: its stack is
 *   not taken up.
 * @param seed What the host gave the program as random numbers.
 */
export function findGenerator(memory: Buffer, g: number, seed: Uint8Array): number | undefined {
  const m = readPointer(memory, g + mOfG);
  const g0 = m && readPointer(memory, m);
  if (m === undefined || g0 === undefined || g0 === g) return undefined;
  if (readPointer(memory, g0 + mOfG) !== m) return undefined;
  const found: number[] = [];
  const end = Math.min(m + mBytesMax, memory.length) - generatorBytes;
  for (let at = m; at <= end; at += wordBytes) if (isGenerator(memory, at)) found.push(at);
  const [generator] = found;
  if (found.length !== 1 || generator === undefined) return undefined;
  const first = firstKey(readKey(memory, generator), seed);
  if (first === undefined || !hasSecond(memory, generator + cheapAt, first)) return undefined;
  return generator + keyAt;
}

/** Makes of random bytes what is written there: nothing of the block is left, and no zero state. */
export function makeFresh(bytes: Uint8Array): void {
  bytes.fill(0, usedAt - keyAt, cheapAt - keyAt);
  const low = cheapAt - keyAt;
  bytes[low] = (bytes[low] ?? 0) | 1;
}

function readPointer(memory: Buffer, at: number): number | undefined {
  if (at % wordBytes !== 0 || at + wordBytes > memory.length) return undefined;
  const pointer = memory.readUInt32LE(at);
  return pointer === 0 || memory.readUInt32LE(at + 4) !== 0 ? undefined : pointer;
}

function readKey(memory: Buffer, generator: number): Uint32Array {
  return Uint32Array.from({ length: keyWords }, (_, word) =>
    memory.readUInt32LE(generator + keyAt + word * 4),
  );
}

/** Whether the block is what comes of key and counter. */
function isGenerator(memory: Buffer, at: number): boolean {
  const counter = memory.readUInt32LE(at + counterAt);
  const count = memory.readUInt32LE(at + countAt);
  if (!givenCounts.includes(count) || memory.readUInt32LE(at + usedAt) > count) return false;
  if (counter % counterStep !== 0 || counter >= counterMax) return false;
  const block = new Uint32Array(blockWords);
  writeBlock(block, readKey(memory, at), counter);
  return block.every((word, index) => memory.readUInt32LE(at + index * 4) === word);
}

/**
 * The key that the runtime made the generator with: four numbers that another generator gave, which
 * it had made of `seed`, and of which `key` is one that follows.
 */
function firstKey(key: Uint32Array, seed: Uint8Array): Uint32Array | undefined {
  const keys = possibleKeys(seed);
  const isKey = (other: Uint32Array): boolean => other.every((word, i) => word === key[i]);
  const first = keys.find(isKey);
  if (first !== undefined) return first;
  for (const each of keys.slice(0, followedMax)) {
    let following = each;
    for (let count = 1; count < keysMax; count += 1) {
      following = nextKey(following);
      if (isKey(following)) return each;
    }
  }
  return undefined;
}

/** Four numbers in a row of what the runtime drew first. */
function possibleKeys(seed: Uint8Array): readonly Uint32Array[] {
  const bytes = Buffer.from(seed);
  const key = Uint32Array.from({ length: keyWords }, (_, word) => bytes.readUInt32LE(word * 4));
  const drawn = new Uint32Array(blockWords * (counterMax / counterStep));
  for (let block = 0; block * blockWords < drawn.length; block += 1) {
    const target = drawn.subarray(block * blockWords, (block + 1) * blockWords);
    writeBlock(target, key, block * counterStep);
  }
  const count = drawnBeforeMax - keyWords / 2 + 1;
  return Array.from({ length: count }, (_, place) => drawn.slice(place * 2, place * 2 + keyWords));
}

/** Whether the second generator, which began as the first number of the other, is at `at`. */
function hasSecond(memory: Buffer, at: number, first: Uint32Array): boolean {
  const block = new Uint32Array(blockWords);
  writeBlock(block, first, 0);
  let [one = 0, two = 0] = block;
  const wantedOne = memory.readUInt32LE(at);
  const wantedTwo = memory.readUInt32LE(at + 4);
  for (let step = 0; step < cheapStepsMax; step += 1) {
    if (one === wantedOne && two === wantedTwo) return true;
    // xorshift64+, as Go has it where it cannot multiply 64 bits by 64.
    const mixed = one ^ (one << 17);
    const next = (mixed ^ two ^ (mixed >>> 7) ^ (two >>> 16)) >>> 0;
    one = two;
    two = next;
  }
  return false;
}
