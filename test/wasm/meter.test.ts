import { describe, expect, test } from 'vitest';
import { inspectModule } from '../../src/wasm/inspect.ts';
import { cardBytes, type MeteredModule, meterModule } from '../../src/wasm/meter.ts';
import { assemble, emitModule } from './support/assemble.ts';
import { ReferenceHost } from './support/reference-host.ts';

function meter(source: string | Uint8Array<ArrayBuffer>, cards = false): MeteredModule {
  const bytes = typeof source === 'string' ? assemble(source) : source;
  return meterModule(bytes, inspectModule(bytes), { cards });
}

function hostOf(source: string | Uint8Array<ArrayBuffer>, cards = false): ReferenceHost {
  const host = new ReferenceHost(meter(source, cards));
  host.capture();
  host.begin();
  return host;
}

describe('meterModule()', () => {
  test('keeps exports and adds names the guest has not taken', () => {
    const metered = meter('(module (func (export "terrafirma:fuel") (result i32) (i32.const 5)))');
    expect(metered.names.fuel).toBe('terrafirma:fuel#2');
    const host = new ReferenceHost(metered);
    host.begin();
    expect(host.call('terrafirma:fuel')).toBe(5);
  });

  test('exports a private table, in both forms under the same name', () => {
    const text = '(module (memory 1) (table 2 funcref) (func (export "terrafirma:table")))';
    for (const cards of [false, true]) {
      const metered = meter(text, cards);
      expect(metered.names).toMatchObject({ table: 'terrafirma:table#2' });
      const exports = WebAssembly.Module.exports(new WebAssembly.Module(metered.bytes));
      expect(exports).toContainEqual({ name: 'terrafirma:table#2', kind: 'table' });
    }
    expect(meter('(module (func))').names).toMatchObject({ table: undefined });
  });

  test('takes another import name where the guest imports from ours', () => {
    const metered = meter('(module (import "terrafirma" "x" (func)) (memory 1))', true);
    expect(metered.memories[0]).toMatchObject({ module: 'terrafirma#2', isOriginalImport: false });
    expect(metered.cards?.module).toBe('terrafirma#2');
  });

  test('refuses both kinds of exceptions in one module, which V8 sees only by luck', () => {
    const older = [0, 0x06, 0x40, 0x0b, 0x0b];
    const newer = [0, 0x1f, 0x40, 0, 0x0b, 0x0b];
    const moduleOf = (...bodies: number[][]) =>
      emitModule({ types: [[0x60, 0, 0]], functions: bodies.map(() => 0), bodies });
    const both = moduleOf(older, newer);
    for (let time = 0; time < 20; time += 1) {
      expect(() =>
        meterModule(both, inspectModule(both), { cards: false, isValidated: true }),
      ).toThrow(/exceptions must be of one kind/);
    }
    for (const one of [moduleOf(older, older), moduleOf(newer, newer)]) {
      expect(WebAssembly.validate(meter(one).bytes)).toBe(true);
    }
  });

  test('refuses what V8 finds invalid', () => {
    const bytes = emitModule({ types: [[0x60, 0, 0]], functions: [0], bodies: [[0, 0x6a, 0x0b]] });
    expect(() => meterModule(bytes, inspectModule(bytes), { cards: false })).toThrow(/be valid/);
  });

  test('refuses a function that has too many locals for V8 once it is metered', () => {
    // 50,000 are allowed; the counter of a loop is one more.
    const locals = [1, 0xd0, 0x86, 3, 0x7f];
    const loop = [0x03, 0x40, 0x41, 0, 0x0d, 0, 0x0b];
    const bodyOf = (...code: number[]): Uint8Array<ArrayBuffer> =>
      emitModule({ types: [[0x60, 0, 0]], functions: [0], bodies: [[...locals, ...code, 0x0b]] });
    expect(() => meter(bodyOf())).not.toThrow();
    expect(() => meter(bodyOf(...loop))).toThrow(/limits of V8 when metered/);
  });

  test('refuses a function with too many locals around too many metered calls', () => {
    // Exceptions may skip a payment: so each call pays before it, by a condition.
    const bodyOf = (calls: number): Uint8Array<ArrayBuffer> =>
      emitModule({
        types: [[0x60, 0, 0]],
        functions: [0, 0],
        tags: [[0, 0]],
        bodies: [
          [1, 0xa0, 0x9c, 1, 0x7f, ...Array.from({ length: calls }, () => [0x10, 1]).flat(), 0x0b],
          [0, 0x06, 0x40, 0x08, 0, 0x19, 0x0b, 0x0b],
        ],
      });
    expect(() => meter(bodyOf(190))).not.toThrow();
    expect(() => meter(bodyOf(210))).toThrow(/locals times metered calls/);
  });

  test('refuses a function that is too long for V8 once it is metered', () => {
    // Calls of itself, up to just below the limit of 7,654,321 bytes; payments come between.
    const callCount = 3_827_000;
    const size = (value: number): number[] => [
      (value & 0x7f) | 0x80,
      ((value >> 7) & 0x7f) | 0x80,
      ((value >> 14) & 0x7f) | 0x80,
      value >> 21,
    ];
    const bodySize = size(2 * callCount + 2);
    const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
    head.push(10, ...size(2 * callCount + 7), 1, ...bodySize, 0);
    const bytes = new Uint8Array(head.length + 2 * callCount + 1);
    bytes.set(head);
    for (let i = 0; i < callCount; i++) bytes[head.length + 2 * i] = 0x10;
    bytes[bytes.length - 1] = 0x0b;
    expect(() => meter(bytes)).toThrow(/limits of V8 when metered/);
  });

  test('refuses atomics', () => {
    const wat = '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))';
    expect(() => meter(wat)).toThrow(/no threads/);
  });

  test('keeps the name section and drops the rest', () => {
    const bytes = assemble('(module (func $named))');
    const custom = [0, 4, 3, 0x61, 0x62, 0x63];
    const names = [0, 5, 4, 0x6e, 0x61, 0x6d, 0x65];
    const metered = meter(Uint8Array.from([...bytes, ...custom, ...names]));
    const module = new WebAssembly.Module(metered.bytes);
    expect(WebAssembly.Module.customSections(module, 'name')).toHaveLength(1);
    expect(WebAssembly.Module.customSections(module, 'abc')).toHaveLength(0);
  });

  test('runs no guest code at instantiation: start is an export', () => {
    const host = hostOf(`(module (global (export "g") (mut i32) (i32.const 1))
      (func $s (global.set 0 (i32.const 2))) (start $s))`);
    const { g } = host.instance.exports;
    expect(g).toMatchObject({ value: 1 });
    host.start();
    expect(g).toMatchObject({ value: 2 });
  });

  test('makes every memory an import, in order, and bounds its growth', () => {
    const bytes = assemble(`(module (import "env" "m" (memory 1)) (memory 2 3) (memory 0))`);
    const metered = meterModule(bytes, inspectModule(bytes), { cards: true, memoryPagesMax: 10 });
    expect(metered.memories).toMatchObject([
      { module: 'env', name: 'm', pagesMin: 1, pagesMax: 10, isOriginalImport: true },
      { name: 'memory1', pagesMin: 2, pagesMax: 3, isOriginalImport: false },
      { name: 'memory2', pagesMin: 0, pagesMax: 10, isOriginalImport: false },
    ]);
    expect(metered.cards?.pages).toBe(1);
  });
});

describe('virtual memory sizes', () => {
  const growing = `(module (memory (export "memory") 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size)))`;

  test('grow as the guest expects, within the limit', () => {
    const bytes = assemble(growing);
    const metered = meterModule(bytes, inspectModule(bytes), { cards: false, memoryPagesMax: 4 });
    const host = new ReferenceHost(metered);
    host.begin();
    expect(host.call('grow', 2)).toBe(1);
    expect(host.call('size')).toBe(3);
    expect(host.call('grow', 2)).toBe(-1);
    expect(host.call('grow', -1)).toBe(-1);
    expect(host.call('grow', 0)).toBe(3);
    expect(host.call('grow', 1)).toBe(3);
    expect(host.memories[0]?.buffer.byteLength).toBe(4 * 65_536);
  });

  test('stay where the host refuses', () => {
    const host = new ReferenceHost(meter(growing), { allowsGrowth: false });
    host.begin();
    expect(host.call('grow', 1)).toBe(-1);
    expect(host.call('size')).toBe(1);
  });

  test('are the first ones again after a restore, and can grow again', () => {
    const host = hostOf(growing);
    expect(host.call('grow', 2)).toBe(1);
    host.restore();
    host.begin();
    expect(host.call('size')).toBe(1);
    expect(host.call('grow', 2)).toBe(1);
    expect(host.call('size')).toBe(3);
  });

  test('work with 64-bit addresses', () => {
    const host = hostOf(`(module (memory i64 1)
      (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
      (func (export "size") (result i64) (memory.size)))`);
    expect(host.call('grow', 2n)).toBe(1n);
    expect(host.call('grow', -1n)).toBe(-1n);
    expect(host.call('size')).toBe(3n);
  });
});

describe('restore', () => {
  test('brings back globals of every type, bit for bit', () => {
    const host = hostOf(`(module
      (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2))
      (global $f (mut f32) (f32.const nan:0x200001)) (global $d (mut f64) (f64.const 4))
      (global $v (mut v128) (v128.const i64x2 5 6)) (global $r (mut funcref) (ref.func $run))
      (func $run (export "run") (result i64)
        (global.set $i (i32.add (global.get $i) (i32.const 1)))
        (global.set $l (i64.add (global.get $l) (i64.const 1)))
        (global.set $d (f64.const 9)) (global.set $f (f32.const 1))
        (global.set $v (v128.const i64x2 0 0)) (global.set $r (ref.null func))
        (global.get $l))
      (func (export "look") (result i32)
        (i32.and (i32.and (i32.eq (global.get $i) (i32.const 1))
                          (i64.eq (i64x2.extract_lane 1 (global.get $v)) (i64.const 6)))
          (i32.and (i32.eq (i32.reinterpret_f32 (global.get $f)) (i32.const 0x7fa00001))
                   (i32.eqz (ref.is_null (global.get $r)))))))`);
    expect(host.call('look')).toBe(1);
    expect(host.call('run')).toBe(3n);
    expect(host.call('look')).toBe(0);
    host.restore();
    host.begin();
    expect(host.call('look')).toBe(1);
    expect(host.call('run')).toBe(3n);
  });

  test('brings back tables that changed', () => {
    const host = hostOf(`(module (table $t 3 funcref) (elem (i32.const 0) $f)
      (func $f (result i32) (i32.const 7))
      (func (export "run") (result i32) (i32.const 0) (call_indirect (result i32)))
      (func (export "clear") (table.set $t (i32.const 0) (ref.null func))))`);
    expect(host.call('run')).toBe(7);
    host.call('clear');
    expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
    host.restore();
    host.begin();
    expect(host.call('run')).toBe(7);
  });

  test('brings back dropped segments', () => {
    const host = hostOf(`(module (memory 1) (data $d "abc") (table $t 2 funcref) (elem $e func $run)
      (func $run (export "run") (result i32)
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (i32.load8_u (i32.const 1)))
      (func (export "table") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))
      (func (export "nothing") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))
      (func (export "drop") (data.drop $d) (elem.drop $e)))`);
    expect(host.call('run')).toBe(98);
    host.call('drop');
    host.call('nothing');
    expect(() => host.call('run')).toThrow(WebAssembly.RuntimeError);
    expect(() => host.call('table')).toThrow(WebAssembly.RuntimeError);
    host.restore();
    host.begin();
    expect(host.call('run')).toBe(98);
    host.call('table');
  });
});

describe('restorable', () => {
  const cases: readonly (readonly [string, string | Uint8Array<ArrayBuffer>, RegExp])[] = [
    ['an externref global', '(module (global (mut externref) (ref.null extern)))', /global 0/],
    ['an externref table', '(module (table 1 externref))', /table 0 .*externref/],
    ['an imported table', '(module (import "a" "t" (table 1 funcref)))', /table 0 is imported/],
    ['an imported mutable global', '(module (import "a" "g" (global (mut i32))))', /imported/],
    [
      'an array in an immutable global',
      emitModule({
        types: [[0x5e, 0x7f, 1]],
        globals: [[0x63, 0, 0, 0x41, 3, 0xfb, 7, 0, 0x0b]],
      }),
      /global 0 allocates/,
    ],
    [
      'an array in an element segment',
      emitModule({
        types: [[0x5e, 0x7f, 1]],
        elements: [[5, 0x63, 0, 1, 0x41, 3, 0xfb, 7, 0, 0x0b]],
      }),
      /element segment 0/,
    ],
  ];
  for (const [name, source, reason] of cases) {
    test(`is not a module with ${name}`, () => {
      const { restorable, names } = meter(source);
      expect(restorable).toMatchObject({ reason: expect.stringMatching(reason) });
      expect(names.keep).toBeUndefined();
    });
  }

  test('is a module with function references of every kind', () => {
    const bytes = emitModule({
      types: [[0x60, 0, 0]],
      functions: [0],
      tables: [[0x63, 0, 0, 1]],
      globals: [
        [0x63, 0, 1, 0xd0, 0, 0x0b],
        [0x64, 0, 0, 0xd2, 0, 0x0b],
      ],
      bodies: [[0, 0x0b]],
    });
    expect(meter(bytes).restorable).toBe(true);
  });
});

describe('cards', () => {
  /** Cards marked by a call. */
  function marked(wat: string): number[] {
    const host = hostOf(wat, true);
    host.call('run');
    const cards = new Uint8Array(host.cardMemory?.buffer ?? new ArrayBuffer(0));
    return [...cards.keys()].filter((card) => cards[card] !== 0);
  }
  const run = (code: string): string =>
    `(module (memory 32) (memory 1) (data $d "abcdefgh") (func (export "run") ${code}))`;

  const stores: readonly (readonly [string, string, readonly number[]])[] = [
    ['i32.store', '(i32.store (i32.const 512) (i32.const 1))', [1]],
    ['i64.store8 with an offset', '(i64.store8 offset=1024 (i32.const 1) (i64.const 1))', [2]],
    ['i64.store32', '(i64.store32 (i32.const 1536) (i64.const 1))', [3]],
    ['f32.store', '(f32.store (i32.const 4) (f32.const 1))', [0]],
    ['f64.store', '(f64.store (i32.const 2560) (f64.const 1))', [5]],
    ['v128.store', '(v128.store (i32.const 3072) (v128.const i32x4 1 1 1 1))', [6]],
    ['v128.store64_lane', '(v128.store64_lane 1 (i32.const 3584) (v128.const i32x4 1 1 1 1))', [7]],
    ['memory.fill', '(memory.fill (i32.const 500) (i32.const 1) (i32.const 600))', [0, 1, 2]],
    ['memory.fill of nothing', '(memory.fill (i32.const 4000) (i32.const 1) (i32.const 0))', []],
    ['memory.copy', '(memory.copy (i32.const 1022) (i32.const 0) (i32.const 4))', [1, 2]],
    ['memory.init', '(memory.init $d (i32.const 510) (i32.const 0) (i32.const 8))', [0, 1]],
    ['a store to memory 1', '(i32.store 1 (i32.const 4096) (i32.const 1))', []],
  ];
  for (const [name, code, expected] of stores) {
    test(`are marked by ${name}`, () => {
      expect(marked(run(code))).toEqual(expected);
    });
  }

  test('of a fill in pieces are all marked', () => {
    const code = '(memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576))';
    expect(marked(run(code))).toHaveLength(1_048_576 / cardBytes);
  });

  test('restore what was stored, across an edge too', () => {
    const host = hostOf(
      `(module (memory (export "memory") 2) (data (i32.const 4090) "0123456789abcdef")
        (func (export "run") (param i32) (i64.store (local.get 0) (i64.const -1))))`,
      true,
    );
    const bytes = new Uint8Array(host.memories[0]?.buffer ?? new ArrayBuffer(0));
    const before = bytes.slice();
    for (const address of [4089, 4092, 4095, 0, 65_535, 131_064]) host.call('run', address);
    expect(bytes).not.toEqual(before);
    host.restore();
    expect(bytes).toEqual(before);
  });

  test('are marked with 64-bit addresses', () => {
    const wat = `(module (memory i64 2) (func (export "run")
      (i32.store offset=512 (i64.const 512) (i32.const 1))))`;
    expect(marked(wat)).toEqual([2]);
  });
});

describe('bulk operations in pieces', () => {
  const wat = `(module (memory (export "memory") 16)
    (func (export "copy") (param i32 i32 i32)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "fill") (param i32 i32 i32)
      (memory.fill (local.get 0) (local.get 1) (local.get 2))))`;

  test('copy overlapping ranges in either direction', () => {
    for (const [to, from] of [
      [100, 0],
      [0, 100],
      [300_000, 0],
      [0, 300_000],
    ] as const) {
      const host = hostOf(wat);
      const bytes = new Uint8Array(host.memories[0]?.buffer ?? new ArrayBuffer(0));
      for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) ^ (i >> 8);
      const expected = bytes.slice().copyWithin(to, from, from + 500_001);
      host.call('copy', to, from, 500_001);
      expect(Buffer.from(bytes).equals(expected)).toBe(true);
    }
  });

  test('write nothing where any part is out of bounds', () => {
    const host = hostOf(wat);
    const bytes = new Uint8Array(host.memories[0]?.buffer ?? new ArrayBuffer(0));
    bytes.fill(7);
    expect(() => host.call('fill', 1, 1, 1_048_576)).toThrow(/out of bounds/);
    expect(() => host.call('fill', 0, 1, -1)).toThrow(/out of bounds/);
    expect(() => host.call('copy', 0, 1, 1_048_576)).toThrow(/out of bounds/);
    expect(() => host.call('copy', -1, 0, 300_000)).toThrow(/out of bounds/);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
  });
});
