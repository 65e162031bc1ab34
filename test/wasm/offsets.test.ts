import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { meterModule } from '../../src/wasm/meter.ts';
import { OffsetWriter, originalOffset } from '../../src/wasm/offsets.ts';
import { generateModule } from './fuzz/generate.ts';
import { assemble } from './support/assemble.ts';
import { ReferenceHost } from './support/reference-host.ts';

const framePattern = /wasm-function\[(\d+)\]:0x([0-9a-f]+)/g;

/** Function numbers and offsets of the frames of a trap. */
function framesOf(run: () => unknown): [number, number][] {
  try {
    run();
  } catch (error) {
    // An exception of WebAssembly's own has no frames.
    if (!(error instanceof Error)) return [];
    return [...(error.stack ?? '').matchAll(framePattern)].map(([, index, offset]) => [
      Number(index),
      Number.parseInt(offset ?? '', 16),
    ]);
  }
  return [];
}

/** The same frames, as they are in the original. */
function mappedFrames(bytes: Uint8Array<ArrayBuffer>, cards: boolean, args: unknown[]) {
  const metered = meterModule(bytes, inspectModule(bytes), { cards });
  const host = new ReferenceHost(metered, { heapBytesMax: 2 ** 30 });
  host.begin();
  return framesOf(() => host.call('run', ...args))
    .filter(([index]) => index < metered.offsets.functionCount)
    .map(([index, offset]) => [index, originalOffset(metered.offsets, offset)]);
}

function originalFrames(bytes: Uint8Array<ArrayBuffer>, args: unknown[]) {
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return framesOf(() => (run as (...args: unknown[]) => unknown)(...args));
}

const traps: Readonly<Record<string, string>> = {
  'an unreachable behind a loop': '(call $spin) (call $spin) unreachable',
  'a load out of bounds': '(call $spin) (drop (i32.load offset=8 (i32.const -1)))',
  'a store out of bounds': '(i64.store offset=70000 (i32.const -1) (i64.const 1))',
  'a fill that is done elsewhere': '(memory.fill (i32.const 65530) (i32.const 0) (i32.const 9))',
  'a division in a callee': '(call $spin) (drop (call $divide (i32.const 0)))',
  'a call of nothing': '(call_indirect (type $none) (i32.const 0))',
};

describe('frames of a trap', () => {
  for (const [name, code] of Object.entries(traps)) {
    test(`are those of the original: ${name}`, () => {
      const bytes = assemble(`(module (memory 1) (table 1 funcref) (type $none (func))
        (func $spin (local $n i32)
          (local.set $n (i32.const 100))
          (loop $l (i32.store (local.get $n) (i32.const 1))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
        (func $middle ${code} (call $spin))
        (func (export "run") (call $spin) (call $middle) (call $spin)))`);
      const wanted = originalFrames(bytes, []);
      expect(wanted.length).toBeGreaterThanOrEqual(2);
      for (const cards of [false, true]) expect(mappedFrames(bytes, cards, [])).toEqual(wanted);
    });
  }

  test('are those of the original in generated modules', () => {
    let count = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const bytes = generateModule(seed);
      const wanted = originalFrames(bytes, [30, -3n]);
      // Deeper stacks are cut after ten frames, of which the meter's own may be some.
      if (wanted.length === 0 || wanted.length > 8) continue;
      count++;
      expect({ seed, frames: mappedFrames(bytes, seed % 2 === 0, [30, -3n]) }).toEqual({
        seed,
        frames: wanted,
      });
    }
    expect(count).toBeGreaterThan(50);
  });
});

describe('originalOffset()', () => {
  test('finds what was copied, and the place of what was put in', () => {
    const writer = new OffsetWriter();
    writer.add(5, 300, 10);
    writer.add(200, 2, 3);
    const map = { codeStart: 1000, functionCount: 1, runs: writer.finish() };
    const found = [999, 1000, 1004, 1005, 1014, 1015, 1214, 1215, 1217, 1218].map((offset) =>
      originalOffset(map, offset),
    );
    expect(found).toEqual([undefined, 0, 0, 300, 309, 310, 310, 312, 314, undefined]);
  });
});
