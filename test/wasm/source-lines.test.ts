import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withSourceLines } from '../../src/wasm/source-lines.ts';

const guests = join(import.meta.dirname, '..', 'guests');
const read = (name: string) => readFileSync(join(guests, name));
/** Where `divide` traps, `through` calls it and `run` calls that, in both builds. */
const codeStart = 0x6c;
const frames = [0xae, 0x5d, 0x0b]
  .map((offset, at) => `    at f${at} (0x${(codeStart + offset).toString(16)})`)
  .join('\n');
const trap = `RuntimeError: unreachable\n${frames}`;

describe('the lines of the sources', () => {
  test.each(['debug/trap-4.wasm', 'debug/trap-5.wasm'])('stand behind offsets: %s', (name) => {
    const lines = withSourceLines(trap, read(name)).split('\n');
    expect(lines[0]).toBe('RuntimeError: unreachable');
    expect(lines.slice(1).map((line) => line.replace(/0x[0-9a-f]+/, 'N'))).toEqual([
      '    at f0 (N, trap.c:10)',
      '    at f1 (N, trap.c:16)',
      '    at f2 (N, trap.c:20)',
    ]);
  });

  test('are left out where the module tells none, and of what is no frame', () => {
    expect(withSourceLines(trap, read('trap.wasm'))).toBe(trap);
    expect(withSourceLines(trap, new Uint8Array(0))).toBe(trap);
    const said = 'Cannot answer: received (0x7a)';
    expect(withSourceLines(said, read('debug/trap-4.wasm'))).toBe(said);
  });

  test('of offsets that are no code are none', () => {
    const far = '    at f (0xffffffff)\n    at g (0x0)';
    expect(withSourceLines(far, read('debug/trap-5.wasm'))).toBe(far);
  });
});

describe('debug information that lies', () => {
  const bytes = read('debug/trap-5.wasm');

  test('changes nothing but itself, whichever byte is wrong', () => {
    for (let at = 8; at < bytes.length; at += 1) {
      for (const value of [0x00, 0x7f, 0x80, 0xff]) {
        const broken = Uint8Array.from(bytes);
        broken[at] = value;
        const told = withSourceLines(trap, broken);
        expect(told.replaceAll(/, [^\n]*\)/g, ')')).toBe(trap);
      }
    }
  });

  test('may end anywhere', () => {
    for (let length = 8; length < bytes.length; length += 1) {
      expect(withSourceLines(trap, bytes.subarray(0, length)).split('\n')).toHaveLength(4);
    }
  });

  test('has no say over the terminal', () => {
    const text = Buffer.from(
      bytes.toString('latin1').replaceAll('trap.c\0', 'tr\x1bp.c\0'),
      'latin1',
    );
    const told = withSourceLines(trap, text);
    expect(told).toContain('tr?p.c:10');
  });

  test('is read once, however many files point to one long name', () => {
    const filesCount = 60_000;
    const places = Array.from({ length: 4 * filesCount }, () => 0);
    const files = [1, 1, 0x0e, ...leb(filesCount), ...places];
    // Form 5, no directories; each file's name is the first of `.debug_str`.
    const header = [1, 1, 1, 0xfb, 14, 13, ...new Array<number>(12).fill(1), 0, 0, ...files];
    const unit = [5, 0, 4, 0, ...u32(header.length), ...header];
    const lied = Buffer.concat([
      read('trap.wasm'),
      custom('.debug_line', Buffer.from([...u32(unit.length), ...unit])),
      custom('.debug_str', Buffer.concat([Buffer.alloc(8 * 1024 * 1024, 'A'), Buffer.of(0)])),
    ]);
    expect(withSourceLines(trap, lied)).toBe(trap);
  });

  test('is cut where a name has no end', () => {
    const text = Buffer.from(bytes.toString('latin1').replaceAll('trap.c\0', 'trap.cc'), 'latin1');
    expect(withSourceLines(trap, text).length).toBeLessThan(trap.length + 3 * 220);
  });
});

function leb(value: number): readonly number[] {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...leb(Math.floor(value / 128))];
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function custom(name: string, contents: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.of(name.length), Buffer.from(name), contents]);
  return Buffer.concat([Buffer.from([0, ...leb(body.length)]), body]);
}
