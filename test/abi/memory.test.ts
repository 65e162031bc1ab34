import { describe, expect, test } from 'vitest';
import { GuestMemory, pageBytes } from '../../src/abi/memory.ts';

class Trapped extends Error {}

function createMemory(options: { pages?: number; maximum?: number } = {}) {
  const raw = new WebAssembly.Memory({
    initial: options.pages ?? 1,
    maximum: options.maximum ?? 4,
  });
  const writes: [number, number][] = [];
  const memory = new GuestMemory(raw, {
    onWrite: (ptr, len) => writes.push([ptr, len]),
    trap: (reason) => {
      throw new Trapped(reason);
    },
  });
  return { raw, memory, writes, bytes: () => Buffer.from(raw.buffer) };
}

/** Every access of `len` bytes at `ptr`, by name. */
const accesses: readonly [string, number, (memory: GuestMemory, ptr: number) => unknown][] = [
  ['requireRange', 4, (memory, ptr) => memory.requireRange(ptr, 4)],
  ['readBytes', 4, (memory, ptr) => memory.readBytes(ptr, 4, 4)],
  ['readBytesPooled', 4, (memory, ptr) => memory.readBytesPooled(ptr, 4, 4)],
  ['readUtf8Lossy', 4, (memory, ptr) => memory.readUtf8Lossy(ptr, 4, 4)],
  ['readUtf8', 4, (memory, ptr) => memory.readUtf8(ptr, 4, 4)],
  ['readLatin1', 4, (memory, ptr) => memory.readLatin1(ptr, 4, 4)],
  ['readUtf16', 4, (memory, ptr) => memory.readUtf16(ptr, 4, 4)],
  ['readU32', 4, (memory, ptr) => memory.readU32(ptr)],
  ['readI32', 4, (memory, ptr) => memory.readI32(ptr)],
  ['readU64', 8, (memory, ptr) => memory.readU64(ptr)],
  ['writeU8', 1, (memory, ptr) => memory.writeU8(ptr, 1)],
  ['writeU32', 4, (memory, ptr) => memory.writeU32(ptr, 1)],
  ['writeU64', 8, (memory, ptr) => memory.writeU64(ptr, 1n)],
  ['writeBytes', 4, (memory, ptr) => memory.writeBytes(ptr, Uint8Array.of(1, 2, 3, 4))],
  ['writeLatin1', 4, (memory, ptr) => memory.writeLatin1(ptr, 'abcd')],
  ['writeUtf8', 4, (memory, ptr) => memory.writeUtf8(ptr, 'aé!', 4)],
];

describe.each(accesses)('%s', (_name, len, access) => {
  test('reaches the last valid offset', () => {
    const { memory } = createMemory();
    expect(() => access(memory, pageBytes - len)).not.toThrow();
  });

  test.each([
    ['one past the last valid offset', pageBytes - len + 1],
    ['the end of memory', pageBytes],
    ['the top of the address space, signed', -1],
    ['an end that wraps to 0', 0xffff_ffff - len + 1],
  ])('traps at %s', (_where, ptr) => {
    const { memory } = createMemory();
    expect(() => access(memory, ptr)).toThrow(Trapped);
  });

  test('works on a memory that the guest has grown meanwhile', () => {
    const { memory, raw } = createMemory();
    access(memory, 0);
    raw.grow(1);
    expect(() => access(memory, 2 * pageBytes - len)).not.toThrow();
  });
});

describe('reading', () => {
  test('copies: the result does not change with memory', () => {
    const { memory, bytes } = createMemory();
    const copy = memory.readBytes(0, 4, 4);
    bytes().fill(7);
    expect([...copy]).toEqual([0, 0, 0, 0]);
    expect(copy.buffer.byteLength).toBe(4);
  });

  test('traps above the cap and not at it', () => {
    const { memory } = createMemory();
    expect(memory.readBytes(0, 16, 16)).toHaveLength(16);
    expect(() => memory.readBytes(0, 17, 16)).toThrow(/at most 16 bytes here: received 17/);
    expect(() => memory.readBytesPooled(0, 17, 16)).toThrow(/at most 16 bytes here: received 17/);
    expect(() => memory.readUtf8Lossy(0, -1, 16)).toThrow(Trapped);
  });

  test('an empty range touches nothing, wherever it points', () => {
    const { memory } = createMemory();
    expect(memory.readBytes(-8, 0, 0)).toHaveLength(0);
    expect(memory.readUtf8(0x7fff_ffff, 0, 0)).toBe('');
    expect(memory.holds(-1, 0)).toBe(true);
  });

  test('decodes UTF-8 strictly or lossily', () => {
    const { memory, bytes } = createMemory();
    bytes().write('grüße');
    expect(memory.readUtf8(0, 7, 7)).toBe('grüße');
    expect(memory.readUtf8(0, 3, 7)).toBeUndefined();
    expect(memory.readUtf8Lossy(0, 3, 7)).toBe('gr\ufffd');
    expect(memory.readLatin1(2, 2, 7)).toBe('\u00c3\u00bc');
  });

  test.each(['', 'a', '\0\x7f'.repeat(12), 'a'.repeat(25)])('decodes %j as UTF-8', (text) => {
    const { memory, bytes } = createMemory();
    bytes().write(text);
    expect(memory.readUtf8(0, text.length, 99)).toBe(text);
    bytes()[text.length] = 0x80;
    expect(memory.readUtf8(0, text.length + 1, 99)).toBeUndefined();
  });

  test('decodes UTF-16 and little-endian integers', () => {
    const { memory, bytes } = createMemory();
    bytes().write('aé', 0, 'utf16le');
    expect(memory.readUtf16(0, 4, 4)).toBe('aé');
    bytes().set([0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0x80], 8);
    expect(memory.readU32(8)).toBe(0xffff_fffe);
    expect(memory.readI32(8)).toBe(-2);
    expect(memory.readU64(8)).toBe(0x8000_0001_ffff_fffen);
  });

  test('reads unaligned integers', () => {
    const { memory, bytes } = createMemory();
    bytes().set([1, 2, 3, 4], 5);
    expect(memory.readU32(5)).toBe(0x0403_0201);
  });
});

describe('measureCString', () => {
  test('counts up to the NUL', () => {
    const { memory, bytes } = createMemory();
    bytes().write('abc\0def');
    expect(memory.measureCString(0, 100)).toBe(3);
    expect(memory.measureCString(3, 100)).toBe(0);
  });

  test('looks at no more bytes than the limit', () => {
    const { memory, bytes } = createMemory();
    bytes().fill(0x61);
    expect(memory.measureCString(0, 100)).toBe(100);
    expect(memory.measureCString(pageBytes - 100, 100)).toBe(100);
  });

  test('traps when memory ends before a NUL', () => {
    const { memory, bytes } = createMemory();
    bytes().fill(0x61);
    expect(() => memory.measureCString(pageBytes - 99, 100)).toThrow(Trapped);
    expect(() => memory.measureCString(pageBytes, 100)).toThrow(Trapped);
  });
});

describe('writing', () => {
  test('changes its bytes and none beside them', () => {
    const { memory, bytes } = createMemory();
    bytes().fill(0xaa);
    memory.writeU32(4, 0x0403_0201);
    memory.writeLatin1(10, 'hi');
    memory.writeU8(13, 0);
    memory.writeBytes(16, Uint8Array.of(9));
    memory.writeU64(20, -2n);
    expect(bytes().toString('hex', 0, 30)).toBe(
      `${'aa'.repeat(4)}01020304aaaa6869aa00aaaa09${'aa'.repeat(3)}feffffffffffffffaaaa`,
    );
  });

  test('of text is UTF-8 of as many bytes as were counted, whatever is half a pair', () => {
    const { memory, bytes, writes } = createMemory();
    const text = 'é\ud800€\udc00😀';
    const length = Buffer.byteLength(text);
    memory.writeUtf8(8, text, length);
    expect(bytes().toString('utf8', 8, 8 + length)).toBe('é\ufffd€\ufffd😀');
    expect(bytes()[8 + length]).toBe(0);
    expect(writes).toEqual([[8, length]]);
  });

  test('is told to the engine, exactly', () => {
    const { memory, writes } = createMemory();
    memory.writeU32(4, 1);
    memory.writeLatin1(10, 'hi');
    memory.writeU8(13, 0);
    memory.writeBytes(16, Uint8Array.of(1, 2, 3));
    memory.writeU64(24, 1n);
    expect(writes).toEqual([
      [4, 4],
      [10, 2],
      [13, 1],
      [16, 3],
      [24, 8],
    ]);
  });

  test('of nothing, or out of range, is not told', () => {
    const { memory, writes } = createMemory();
    memory.writeBytes(-1, new Uint8Array(0));
    memory.writeLatin1(-1, '');
    expect(() => memory.writeU32(pageBytes, 1)).toThrow(Trapped);
    expect(writes).toEqual([]);
  });
});

describe('grow', () => {
  test('answers the address of the first new byte', () => {
    const { memory } = createMemory();
    expect(memory.grow(2)).toBe(pageBytes);
    expect(memory.byteLength).toBe(3 * pageBytes);
  });

  test('answers undefined when memory is at its maximum', () => {
    const { memory } = createMemory({ maximum: 2 });
    expect(memory.grow(2)).toBeUndefined();
    expect(memory.byteLength).toBe(pageBytes);
  });

  test('asks the engine where it has its own way to grow', () => {
    const raw = new WebAssembly.Memory({ initial: 1 });
    const asked: number[] = [];
    const memory = new GuestMemory(raw, {
      onWrite: undefined,
      trap: (reason) => {
        throw new Trapped(reason);
      },
      grow: (pages) => {
        asked.push(pages);
        return -1;
      },
    });
    expect(memory.grow(3)).toBeUndefined();
    expect(asked).toEqual([3]);
  });
});
