import { describe, expect, test } from 'vitest';
import type { Binding, FunctionFace, ModuleFace } from '../../../src/abi/abi.ts';
import { judgeWasip1 } from '../../../src/abi/wasip1/judge.ts';
import { wasip1Table } from '../../../src/abi/wasip1/table.ts';
import { createWasip1Abi } from '../../../src/abi/wasip1.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import { facesOf, functionTypes } from '../../support/hostcall-faces.ts';

const compilerImportTypes = facesOf(wasip1Table.get('env') ?? new Map());

type Import = ModuleFace['imports'][number];
type Export = ModuleFace['exports'][number];

const nothing: FunctionFace = { params: [], results: [] };
const start: Export = { name: '_start', kind: 'function', type: nothing };
const exported = (name: string, type = nothing): Export => ({ name, kind: 'function', type });
const wasi = (name: string, module = 'wasi_snapshot_preview1'): Import => ({
  module,
  name,
  kind: 'function',
  type: functionTypes.get(name),
});

function judge(imports: readonly Import[], exports: readonly Export[] = [start]): string {
  const verdict = judgeWasip1({ imports, exports });
  if (verdict.kind === 'speaks') return `speaks ${verdict.entry}`;
  return verdict.kind === 'refused' ? verdict.reason : verdict.kind;
}

/** Names that a module may import and that are not answered. */
function missing(binding: Binding, module: string, types: ReadonlyMap<string, unknown>): string[] {
  return [...types.keys()].filter((name) => binding.hostcall({ module, name }) === undefined);
}

describe('judgeWasip1()', () => {
  test('all 46 functions may be imported, and are there', () => {
    expect(functionTypes.size).toBe(46);
    expect(judge([...functionTypes.keys()].map((name) => wasi(name)))).toBe('speaks _start');
    const binding = createWasip1Abi(defaultLimits).bind({} as never);
    expect(missing(binding, 'wasi_snapshot_preview1', functionTypes)).toEqual([]);
  });

  test('each takes as many parameters as its type has, or any number', () => {
    const binding = createWasip1Abi(defaultLimits).bind({} as never);
    for (const [name, { params }] of functionTypes) {
      const length = binding.hostcall({ module: 'wasi_snapshot_preview1', name })?.call.length;
      const isEnough = length === 0 || (length !== undefined && length >= params.length);
      expect([name, isEnough]).toEqual([name, true]);
    }
  });

  test('a command without imports is one, other modules are somebody else’s', () => {
    expect(judge([])).toBe('speaks _start');
    expect(judge([], [exported('run')])).toBe('other');
    expect(judge([], [])).toBe('other');
  });

  test('a reactor has an entry to call', () => {
    expect(judge([], [exported('_initialize'), exported('handle')])).toBe('speaks handle');
    const answering = exported('handle', { params: [], results: ['i32'] });
    expect(judge([wasi('fd_write')], [answering])).toBe('speaks handle');
    expect(judge([], [exported('_initialize')])).toContain('no entry: expected an export `_start`');
    const wrong = exported('handle', { params: ['i32'], results: [] });
    expect(judge([], [exported('_initialize'), wrong])).toContain('of no parameters');
  });

  test('its entry may be called run', () => {
    const run = exported('run');
    expect(judge([], [exported('_initialize'), run])).toBe('speaks run');
    expect(judge([wasi('fd_write')], [exported('_initialize'), run])).toBe('speaks run');
    expect(judge([wasi('fd_write')], [run])).toBe('speaks run');
    expect(judge([wasi('fd_write')], [exported('handle'), run])).toBe('speaks handle');
  });

  test('wasi_unstable is served whole', () => {
    const all = [...functionTypes.keys()].map((name) => wasi(name, 'wasi_unstable'));
    expect(judge(all)).toBe('speaks _start');
    const binding = createWasip1Abi(defaultLimits).bind({} as never);
    expect(missing(binding, 'wasi_unstable', functionTypes)).toEqual([]);
  });

  test('what Emscripten adds may be imported, and is there', () => {
    const env = (name: string): Import => ({
      ...{ module: 'env', name, kind: 'function' as const },
      type: compilerImportTypes.get(name),
    });
    expect(judge([...compilerImportTypes.keys()].map(env))).toBe('speaks _start');
    const binding = createWasip1Abi(defaultLimits).bind({} as never);
    expect(missing(binding, 'env', compilerImportTypes)).toEqual([]);
  });

  test('everything at fault is named at once', () => {
    const reason = judge([
      wasi('nope'),
      { module: 'env', name: 'system', kind: 'function', type: nothing },
      { module: 'env', name: 'memory', kind: 'memory' },
      { ...wasi('fd_write'), type: nothing },
      { ...wasi('fd_read'), kind: 'global' },
    ]);
    for (const part of [
      'unknown import "wasi_snapshot_preview1" "nope" (function)',
      'unknown import "env" "system" (function)',
      'unknown import "env" "memory" (memory)',
      'expected a function (i32 i32 i32 i32) -> (i32): received () -> ()',
      'received a global',
    ]) {
      expect(reason).toContain(part);
    }
    const many = Array.from({ length: 1_000 }, (_, index) => wasi(`f${index}`));
    expect(judge(many)).toMatch(/and 900 more$/);
  });

  test('_start takes nothing, gives nothing and is a function', () => {
    const taking = exported('_start', { params: ['i32'], results: [] });
    expect(judge([], [taking])).toContain('expected a function () -> (): received (i32) -> ()');
    expect(judge([], [{ name: '_start', kind: 'global' }])).toContain('received a global');
  });
});
