import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type PageImage, PageMapper } from '../../../src/engine/restore/page-mapper.ts';

const pageBytes = 65_536;
const mapper = PageMapper.open();

/** All pieces in a row. */
function imageOf(bytes: Uint8Array, start = 0): PageImage | undefined {
  const steps = mapper?.createImage(bytes, start);
  for (let step = steps?.next(); step !== undefined; step = steps?.next()) {
    if (step.done === true) return step.value;
  }
  return undefined;
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

function viewOf(memory: WebAssembly.Memory): Uint8Array {
  return new Uint8Array(memory.buffer);
}

describe.skipIf(mapper === undefined)('PageMapper (node:ffi, Linux)', () => {
  test('reset() brings back the image; zeros behind it, for every memory it is mapped to', () => {
    const image = imageOf(Buffer.alloc(pageBytes + 5, 'image'));
    const memories = [3, 4].map((initial) => new WebAssembly.Memory({ initial, maximum: 8 }));
    for (const memory of memories) {
      expect(image?.map(memory)).toBe(true);
      expect(viewOf(memory)[pageBytes + 4]).toBe('imageimage'.charCodeAt((pageBytes + 4) % 5));
      viewOf(memory).fill(9);
    }
    for (const memory of memories) {
      expect(image?.reset(memory)).toBe(true);
      const view = viewOf(memory);
      expect(Buffer.from(view.subarray(0, 10)).toString()).toBe('imageimage');
      expect(view.subarray(pageBytes + 5).every((byte) => byte === 0)).toBe(true);
    }
  });

  test('a memory grows after it was mapped, and what it grew is cleared, too', () => {
    const image = imageOf(Uint8Array.of(1, 2, 3));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 8 });
    image?.map(memory);
    memory.grow(3);
    viewOf(memory).fill(7);
    image?.reset(memory);
    expect(viewOf(memory).subarray(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 0));
    expect(
      viewOf(memory)
        .subarray(4)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test('reset() of a part leaves the rest as it is', () => {
    const image = imageOf(Buffer.alloc(2 * pageBytes, 1));
    const memory = new WebAssembly.Memory({ initial: 3, maximum: 3 });
    image?.map(memory);
    viewOf(memory).fill(9);
    expect(image?.reset(memory, pageBytes, 3 * pageBytes)).toBe(true);
    const ofPages = [0, 1, 2].map((page) => viewOf(memory)[page * pageBytes]);
    expect(ofPages).toEqual([9, 1, 0]);
  });

  test('createImage() leaves out the zeros before', () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
    const image = imageOf(Buffer.alloc(100, 'image'), 2 * pageBytes + 4_096);
    expect(image?.map(memory)).toBe(true);
    const first = Buffer.from(viewOf(memory));
    expect(first.indexOf('imageimage')).toBe(2 * pageBytes + 4_096);
    expect(first.filter((byte) => byte !== 0)).toHaveLength(100);
    viewOf(memory).fill(9);
    expect(image?.reset(memory)).toBe(true);
    expect(first.compare(viewOf(memory))).toBe(0);
  });

  test('createImage() writes a large one in pieces, and closes one that is given up', () => {
    const large = new Uint8Array(9 * 1024 ** 2).fill(3);
    const before = openFiles();
    const steps = mapper?.createImage(large);
    expect([steps?.next().done, steps?.next().done]).toEqual([false, false]);
    expect(openFiles()).toBe(before + 1);
    steps?.return(undefined);
    expect(openFiles()).toBe(before);
    const memory = new WebAssembly.Memory({ initial: 144, maximum: 144 });
    expect(imageOf(large)?.map(memory)).toBe(true);
    expect(viewOf(memory).every((byte) => byte === 3)).toBe(true);
  });

  test('giveBack() takes the pages of a large memory a few at a time', async () => {
    const memory = new WebAssembly.Memory({ initial: 192, maximum: 192 });
    const view = viewOf(memory).fill(1);
    const fullPages = (): number => view.filter((_, at) => at % pageBytes === 0).indexOf(1);
    mapper?.giveBack(memory);
    expect(fullPages()).toBe(64);
    await expect.poll(fullPages, { timeout: 60_000 }).toBe(-1);
  });

  test('map() refuses an image larger than the memory', () => {
    const image = imageOf(new Uint8Array(2 * pageBytes).fill(1));
    expect(image?.map(new WebAssembly.Memory({ initial: 1, maximum: 8 }))).toBe(false);
  });

  test('an image that is closed stays where it is mapped, and is mapped no more', () => {
    const image = imageOf(Uint8Array.of(5));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    image?.map(memory);
    image?.close();
    viewOf(memory).fill(1);
    expect(image?.reset(memory)).toBe(true);
    expect(viewOf(memory)[0]).toBe(5);
    expect(image?.map(new WebAssembly.Memory({ initial: 1, maximum: 1 }))).toBe(false);
  });

  test('holds so many images and no more', () => {
    const images = Array.from({ length: 65 }, () => imageOf(Uint8Array.of(1)));
    expect(images.filter((image) => image !== undefined).length).toBeLessThan(65);
    for (const image of images) image?.close();
    expect(imageOf(Uint8Array.of(1))).toBeDefined();
  });
});
