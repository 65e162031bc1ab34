import { describe, expect, test } from 'vitest';
import { MemoryContent } from '../../../../src/abi/objects/files/memory-content.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** The same on one flat buffer. */
class FlatContent {
  bytes = Buffer.alloc(0);

  write(position: number, bytes: Uint8Array): void {
    this.resize(Math.max(this.bytes.length, position + bytes.length));
    this.bytes.set(bytes, position);
  }

  resize(length: number): void {
    const resized = Buffer.alloc(length);
    this.bytes.copy(resized);
    this.bytes = resized;
  }
}

describe('MemoryContent', () => {
  test('reads back what was written, also across chunks; what was never written is zeros', () => {
    const content = new MemoryContent();
    content.write(65_530, Buffer.from('over the edge'));
    expect(content.length).toBe(65_543);
    expect(text(content.read(65_530, 100))).toBe('over the edge');
    expect(text(content.read(65_528, 4))).toBe('\0\0ov');
    expect(content.read(0, 10)).toEqual(new Uint8Array(10));
    expect(content.read(65_543, 10)).toHaveLength(0);
    expect(content.read(70_000, 10)).toHaveLength(0);
  });

  test('what was cut off does not come back', () => {
    const content = new MemoryContent();
    content.write(0, Buffer.alloc(200_000, 'x'));
    content.resize(100_000);
    content.resize(150_000);
    expect(content.read(99_999, 3)).toEqual(Uint8Array.of(120, 0, 0));
    expect(content.read(140_000, 10_000)).toEqual(new Uint8Array(10_000));
  });

  test('does as one flat buffer does', () => {
    const content = new MemoryContent();
    const flat = new FlatContent();
    let seed = 12_345;
    const draw = (max: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % max;
    };
    for (let step = 0; step < 300; step += 1) {
      const position = draw(300_000);
      if (draw(4) === 0) {
        content.resize(position);
        flat.resize(position);
      } else {
        const bytes = Buffer.alloc(draw(100_000), draw(256));
        if (bytes.length === 0) continue;
        content.write(position, bytes);
        flat.write(position, bytes);
      }
      const from = draw(300_000);
      const count = draw(200_000);
      expect(content.length).toBe(flat.bytes.length);
      const expected = flat.bytes.subarray(from, from + count);
      expect(Buffer.compare(content.read(from, count), expected)).toBe(0);
    }
  });
});
