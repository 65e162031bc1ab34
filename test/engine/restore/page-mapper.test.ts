import { describe, expect, test } from 'vitest';
import { PageMapper } from '../../../src/engine/restore/page-mapper.ts';

const pageBytes = 65_536;
const mapper = PageMapper.open();

function viewOf(memory: WebAssembly.Memory): Uint8Array {
  return new Uint8Array(memory.buffer);
}

describe.skipIf(mapper === undefined)('PageMapper (node:ffi, Linux)', () => {
  test('reset() brings back the image; zeros behind it, for every memory it is mapped to', () => {
    const image = mapper?.createImage(Buffer.alloc(pageBytes + 5, 'image'));
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
    const image = mapper?.createImage(Uint8Array.of(1, 2, 3));
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

  test('map() refuses an image larger than the memory', () => {
    const image = mapper?.createImage(new Uint8Array(2 * pageBytes).fill(1));
    expect(image?.map(new WebAssembly.Memory({ initial: 1, maximum: 8 }))).toBe(false);
  });

  test('an image that is closed stays where it is mapped, and is mapped no more', () => {
    const image = mapper?.createImage(Uint8Array.of(5));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    image?.map(memory);
    image?.close();
    viewOf(memory).fill(1);
    expect(image?.reset(memory)).toBe(true);
    expect(viewOf(memory)[0]).toBe(5);
    expect(image?.map(new WebAssembly.Memory({ initial: 1, maximum: 1 }))).toBe(false);
  });

  test('holds so many images and no more', () => {
    const images = Array.from({ length: 65 }, () => mapper?.createImage(Uint8Array.of(1)));
    expect(images.filter((image) => image !== undefined).length).toBeLessThan(65);
    for (const image of images) image?.close();
    expect(mapper?.createImage(Uint8Array.of(1))).toBeDefined();
  });
});
