import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TerrafirmaError } from '../../src/errors.ts';
import { defaultModuleLimits, inspectModule, type ModuleLimits } from '../../src/wasm/inspect.ts';
import { assemble, emitModule } from './support/assemble.ts';

const preamble = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function refusal(bytes: ArrayLike<number>, limits?: ModuleLimits): string {
  try {
    inspectModule(Uint8Array.from(bytes), limits);
  } catch (error) {
    expect(error).toBeInstanceOf(TerrafirmaError);
    expect((error as TerrafirmaError).code).toBe('module-refused');
    return (error as Error).message;
  }
  return 'accepted';
}

/** A function with values on the operand stack below blocks that branch. */
function holdingOperands(values: number, blocks: number): string {
  const below = '(local.get 0)'.repeat(values);
  const block = '(block (br_if 0 (local.get 0)))';
  return `(module (func (param i32) ${below} ${block.repeat(blocks)} ${'(drop)'.repeat(values)}))`;
}

describe('inspectModule()', () => {
  test('tells imports, exports and their types', () => {
    const shape = inspectModule(
      assemble(`(module
        (import "env" "log" (func (param i32 i64)))
        (import "env" "base" (global i32))
        (memory (export "memory") 2 5)
        (table 3 funcref)
        (global $g (mut f64) (f64.const 1))
        (func (export "run") (param f32) (result i32) (i32.const 1))
        (func $start) (start $start)
        (elem (i32.const 0) $start)
        (data (i32.const 8) "abc"))`),
    );
    expect(shape.imports).toEqual([
      {
        module: 'env',
        name: 'log',
        kind: 'func',
        index: 0,
        type: { kind: 'func', params: ['i32', 'i64'], results: [] },
      },
      { module: 'env', name: 'base', kind: 'global', index: 0 },
    ]);
    expect(shape.exports).toEqual([
      { name: 'memory', kind: 'memory', index: 0 },
      {
        name: 'run',
        kind: 'func',
        index: 1,
        type: { kind: 'func', params: ['f32'], results: ['i32'] },
      },
    ]);
    expect(shape.memories[0]).toMatchObject({ pagesMin: 2, pagesMax: 5, isShared: false });
    expect(shape.tables[0]).toMatchObject({ type: 'funcref', entriesMin: 3 });
    expect(shape.globals[1]).toMatchObject({ type: 'f64', isMutable: true, isImported: false });
    expect(shape.start).toBe(2);
    expect(shape.elements).toMatchObject([{ mode: 'active', entryCount: 1 }]);
    expect(shape.data).toEqual([{ mode: 'active', byteCount: 3 }]);
    expect(shape.bodies).toHaveLength(4);
  });

  test('names the features used', () => {
    const features = (wat: string): string[] => [...inspectModule(assemble(wat)).features];
    expect(features('(module (memory 1) (memory 1))')).toEqual(['multi-memory']);
    expect(features('(module (memory i64 1))')).toEqual(['memory64']);
    expect(features('(module (func (drop (v128.const i32x4 0 0 0 0))))')).toEqual(['simd']);
    expect(features('(module (tag $e) (func (try (do) (catch $e))))')).toEqual([
      'legacy-exceptions',
    ]);
    expect(features('(module (func (return_call 0)))')).toEqual(['tail-calls']);
    expect(features('(module (func (result i32 i32) (i32.const 1) (i32.const 2)))')).toEqual([
      'multi-value',
    ]);
    expect(features('(module (func (drop (i64.extend32_s (i64.const 1)))))')).toEqual([
      'sign-extension',
    ]);
    expect(features('(module (func (drop (i32.trunc_sat_f32_s (f32.const 1)))))')).toEqual([
      'nontrapping-conversions',
    ]);
    const array = emitModule({ types: [[0x5e, 0x7e, 1]] });
    expect([...inspectModule(array).features]).toEqual(['gc']);
  });

  test('names custom sections', () => {
    const bytes = [...preamble, 0, 4, 3, 0x61, 0x62, 0x63];
    expect(inspectModule(Uint8Array.from(bytes)).customSections).toEqual(['abc']);
  });
});

describe('inspectModule() says what a file is that is no core module', () => {
  const files: readonly (readonly [string, ArrayLike<number>, RegExp])[] = [
    ['nothing', [], /an empty file/],
    ['a component', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], /a component, not a core module/],
    ['another version', [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0], /version bytes 0x02/],
    ['half a preamble', preamble.slice(0, 7), /received 7 bytes; the copy may/],
    ['ELF', [0x7f, 0x45, 0x4c, 0x46, 2], /an ELF file/],
    ['gzip', [0x1f, 0x8b, 8], /a gzip file/],
    ['WebAssembly text', Buffer.from('(module)'), /WebAssembly text.*wat2wasm/],
    ['HTML', Buffer.from('<!doctype html>'), /HTML or XML/],
    [
      'a Git LFS pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1'),
      /git lfs pull/,
    ],
    ['text', Buffer.from('hello'), /received text/],
    ['other bytes', [1, 2, 3, 4, 5], /5 bytes beginning 0x01 0x02/],
  ];
  for (const [name, bytes, expected] of files) {
    test(name, () => {
      expect(refusal(bytes)).toMatch(expected);
    });
  }
});

describe('inspectModule() refuses broken structure with its offset', () => {
  const good = assemble('(module (func (export "run")) (memory 1))');

  test('a file cut short anywhere', () => {
    for (let length = 8; length < good.length; length++) {
      const message = refusal(good.slice(0, length));
      // Between sections, what is left may be a module of its own.
      if (message !== 'accepted') expect(message).toMatch(/at offset \d+$/);
      else expect(WebAssembly.validate(good.slice(0, length))).toBe(true);
    }
  });

  test('bytes behind the last section', () => {
    expect(refusal([...good, 0x61, 0x61])).toMatch(/sections must/);
  });

  test('sections out of order, twice, or unknown', () => {
    const memory = [5, 3, 1, 0, 1];
    expect(refusal([...preamble, ...memory, 1, 1, 0])).toMatch(/once and in order/);
    expect(refusal([...preamble, ...memory, ...memory])).toMatch(/once and in order/);
    expect(refusal([...preamble, 14, 0])).toMatch(/sections must be known: received id 0x0e/);
  });

  test('a section that goes on behind its entries', () => {
    expect(refusal([...preamble, 5, 4, 1, 0, 1, 0])).toMatch(/ends with its last entry/);
  });

  test('functions without bodies', () => {
    expect(refusal([...preamble, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0])).toMatch(/need a body/);
  });

  test('an unknown instruction, by name', () => {
    const body = (...code: number[]) =>
      emitModule({ types: [[0x60, 0, 0]], functions: [0], bodies: [[0, ...code, 0x0b]] });
    expect(refusal(body(0xff))).toMatch(/must be known: received 0xff at offset \d+/);
    expect(refusal(body(0xfc, 0x7f))).toMatch(/received 0xfc 0x7f/);
    expect(refusal(body(0xfd, 0x9a, 1))).toMatch(/received 0xfd 0x9a/);
    expect(refusal(body(0x02, 0x40))).toMatch(/last end/);
    expect(refusal(body(0x0b, 0x01))).toMatch(/last end/);
  });

  test('a number that is too long', () => {
    expect(refusal([...preamble, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0])).toMatch(/at most 32 bits/);
    expect(refusal([...preamble, 1, 0xff, 0xff, 0xff, 0xff, 0x7f])).toMatch(/at most 32 bits/);
  });

  test('a maximum below the minimum', () => {
    expect(refusal([...preamble, 5, 4, 1, 1, 3, 2])).toMatch(
      /at most its maximum: received 3 and 2/,
    );
  });

  test('a name that is not UTF-8', () => {
    expect(refusal([...preamble, 0, 2, 1, 0xff])).toMatch(/UTF-8/);
  });
});

describe('inspectModule() keeps each limit', () => {
  const tight = (over: Partial<ModuleLimits>): ModuleLimits => ({
    ...defaultModuleLimits,
    ...over,
  });
  const locals = (count: number, blocks: number): Uint8Array =>
    assemble(`(module (func (local ${'i32 '.repeat(count)}) ${'(block)'.repeat(blocks)}))`);
  const cases: readonly (readonly [keyof ModuleLimits, number, string])[] = [
    ['moduleBytesMax', 20, '(module (memory 1) (data (i32.const 0) "abcdefgh"))'],
    ['typesMax', 1, '(module (type (func)) (type (func (param i32))))'],
    ['functionsMax', 1, '(module (func) (func))'],
    ['importsMax', 1, '(module (import "a" "b" (func)) (import "a" "c" (func)))'],
    ['exportsMax', 1, '(module (func (export "a") (export "b")))'],
    ['globalsMax', 1, '(module (global i32 (i32.const 0)) (global i32 (i32.const 0)))'],
    ['segmentsMax', 1, '(module (memory 1) (data "a") (data "b"))'],
    ['memoriesMax', 1, '(module (memory 1) (memory 1))'],
    // Each section by itself has no more than it may.
    ['memoriesMax', 1, '(module (import "env" "m" (memory 1)) (memory 1))'],
    ['memoryPagesMax', 3, '(module (memory 4))'],
    ['memoryPagesMax', 3, '(module (memory 2) (memory 2))'],
    ['tablesMax', 1, '(module (table 1 funcref) (table 1 funcref))'],
    ['tableEntriesMax', 3, '(module (table 4 funcref))'],
    ['tableEntriesMax', 3, '(module (table 2 funcref) (table 2 funcref))'],
    ['localsMax', 3, '(module (func (local i32 i32 i32 i32)))'],
    ['labelEdgesMax', 3, `(module (func ${'(br_if 0 (i32.const 0))'.repeat(4)}))`],
    ['labelEdgesMax', 3, `(module (func ${'(return)'.repeat(4)}))`],
    ['labelEdgesMax', 3, '(module (func (br_table 0 0 0 0 (i32.const 0))))'],
    ['compileWorkMax', 150, holdingOperands(20, 4)],
    ['compileWorkMax', 100, `(module (func (local i32 i32 i32 i32) ${'(block)'.repeat(12)}))`],
  ];
  for (const [name, value, wat] of cases) {
    test(`${name}: ${wat.slice(0, 40)}`, () => {
      const bytes = assemble(wat);
      expect(refusal(bytes)).toBe('accepted');
      expect(refusal(bytes, tight({ [name]: value }))).toMatch(new RegExp(`${value}`));
    });
  }

  test('names all that are crossed at once, and what raises them', () => {
    const wat = `(module (import "a" "b" (func)) (import "a" "c" (func)) (func) (func)
      (table 9 funcref) (memory 4))`;
    const limits = { functionsMax: 1, importsMax: 1, tableEntriesMax: 8, memoryPagesMax: 3 };
    expect(refusal(assemble(wat), tight(limits))).toBe(
      'Cannot accept the module: at most 1 functions (limits.functions_max): received 2; ' +
        'at most 1 imports (limits.imports_max): received 2; ' +
        'at most 8 entries in all tables (limits.table_entries_max): received 9; ' +
        'at most 3 pages of 64 KiB to begin with (limits.memory_bytes_max): received 4',
    );
    expect(refusal(assemble(wat), tight({ moduleBytesMax: 20 }))).toMatch(
      /^Cannot accept the module: at most 20 bytes \(limits\.module_bytes_max\): received \d+$/,
    );
  });

  test('counts the entries of a br_table as control', () => {
    const wat = `(module (func (local i32) (br_table ${'0 '.repeat(50)} (i32.const 0))))`;
    expect(refusal(assemble(wat), tight({ compileWorkMax: 300 }))).toMatch(/50 operators/);
    const named = '(module (func) (func $f (export "g") (br_if 0 (i32.const 0)) (return)))';
    expect(refusal(assemble(named), tight({ labelEdgesMax: 1 }))).toMatch(
      /2 in function 1 \("\w"\)/,
    );
  });

  test('refuses a compile bomb by the defaults', () => {
    expect(refusal(locals(20_000, 400))).toMatch(/20000 locals and 400 operators/);
    expect(refusal(locals(107, 6_471))).toBe('accepted');
  });

  test('refuses shared memory and JavaScript builtins', () => {
    expect(refusal(assemble('(module (memory 1 1 shared))'))).toMatch(/build without threads/);
    const builtin = '(module (import "wasm:js-string" "length" (func (param externref))))';
    expect(refusal(assemble(builtin))).toMatch(/builtins are not offered/);
  });
});

const guests = new URL('../../../shared/guests/', import.meta.url);

describe.skipIf(!existsSync(guests))('inspectModule() on modules of real toolchains', () => {
  for (const path of ['cgi-sqlite-c/cgi-sqlite-c.wasm', 'terra-rust/terra-rust.wasm']) {
    test(`reads ${path}`, () => {
      const bytes = readFileSync(new URL(path, guests));
      const shape = inspectModule(bytes);
      const module = new WebAssembly.Module(bytes);
      expect(shape.imports.map(({ module: from, name }) => [from, name])).toEqual(
        WebAssembly.Module.imports(module).map(({ module: from, name }) => [from, name]),
      );
      expect(shape.exports.map(({ name }) => name)).toEqual(
        WebAssembly.Module.exports(module).map(({ name }) => name),
      );
    });
  }
});
