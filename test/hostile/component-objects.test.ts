/** Components whose nested components have what V8's collector holds: structs and arrays. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../engine/world.ts';
import { makeComponent } from '../support/component-bytes.ts';
import { cliGuest } from '../support/component-guests.ts';
import { emitModule } from '../wasm/support/assemble.ts';

const mib = 1024 * 1024;
const limits = { objectBytesPerRunMax: 4 * mib, objectBytesPerThreadMax: 8 * mib };
const run: [string, string] = ['wasi:cli/run@0.2.0', 'run'];

function leb(value: number): number[] {
  return [
    (value & 0x7f) | 0x80,
    ((value >> 7) & 0x7f) | 0x80,
    ((value >> 14) & 0x7f) | 0x80,
    value >> 21,
  ];
}

/** An array of so many bytes, held in the global where one run could leave it to the next. */
const hoardBytes = (bytes: number): number[] => [0x41, ...leb(bytes), 0xfb, 7, 0, 0x24, 0];
/** A list of structs without end: each has the one before. */
const hoardStructs = [0x03, 0x40, 0x23, 1, 0xfb, 0, 1, 0x24, 1, 0x0c, 0, 0x0b];
/** Traps where an earlier run has left its array behind. */
const mustBeFresh = [0x23, 0, 0xd1, 0x45, 0x04, 0x40, 0x00, 0x0b];

/** A component in a component in a component, whose core module has GC types. */
function nestedTwice(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const core = emitModule({
    types: [
      [0x5e, 0x78, 1],
      [0x5f, 1, 0x63, 1, 1],
      [0x60, 0, 1, 0x7f],
    ],
    functions: [2],
    globals: [
      [0x63, 0, 1, 0xd0, 0, 0x0b],
      [0x63, 1, 1, 0xd0, 1, 0x0b],
    ],
    exports: { run: 0 },
    bodies: [[0, ...mustBeFresh, ...code, 0x41, 0, 0x0b]],
  });
  let bytes = makeComponent({ wat: core, imports: {}, exports: run });
  for (let level = 0; level < 2; level += 1) {
    bytes = makeComponent({
      wat: `(module
        (import "nested" "run" (func $inner (result i32)))
        (func (export "run") (result i32) (call $inner)))`,
      imports: {},
      exports: run,
      nested: { bytes, exports: run },
    });
  }
  return bytes;
}

describe('what the collector holds for a nested component', () => {
  test.each([
    ['an array', hoardBytes(4 * mib)],
    ['structs without end', hoardStructs],
  ])('is bounded for the run: %s', async (_, code) => {
    using engine = new Engine({ limits });
    const { report } = await engine.run(engine.load(nestedTwice(code)));
    expect(report.outcome).toBe('out-of-memory');
    expect(report.error?.code).toBe('guest-out-of-memory');
    expect(engine.account.heldBy('heap')).toBe(0);
    const good = engine.load(cliGuest('(func (export "run") (result i32) (i32.const 0))'));
    expect((await engine.run(good)).report.error?.code).not.toBe('guest-out-of-memory');
  });

  test('may be as much in the next run, which finds nothing of it', async () => {
    using engine = new Engine({ limits });
    const loaded = engine.load(nestedTwice(hoardBytes(3 * mib)));
    for (let at = 0; at < 5; at += 1) {
      const { report } = await engine.run(loaded);
      expect({ at, code: report.error?.code }).not.toMatchObject({ code: 'guest-out-of-memory' });
      expect(report.outcome).not.toBe('trapped');
    }
    expect(engine.account.heldBy('heap')).toBe(0);
  });
});
