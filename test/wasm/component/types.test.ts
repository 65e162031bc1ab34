import { describe, expect, test } from 'vitest';
import {
  type FuncType,
  flatten,
  flattenFunction,
  Layouts,
  type ValueType,
} from '../../../src/wasm/component/types.ts';

const u8: ValueType = { kind: 'u8' };
const u32: ValueType = { kind: 'u32' };
const u64: ValueType = { kind: 'u64' };
const f32: ValueType = { kind: 'f32' };
const text: ValueType = { kind: 'string' };
const enumOf = (count: number): ValueType => ({
  kind: 'enum',
  labels: Array.from({ length: count }, (_, at) => `c${at}`),
});

describe('Layouts', () => {
  test.each<[string, ValueType, number, number]>([
    ['tuple of u8 and u32', { kind: 'tuple', items: [u8, u32] }, 8, 4],
    ['tuple of u32 and u8', { kind: 'tuple', items: [u32, u8] }, 8, 4],
    ['option of u64', { kind: 'option', some: u64 }, 16, 8],
    ['result of nothing', { kind: 'result', ok: undefined, error: undefined }, 1, 1],
    ['string', text, 8, 4],
    ['256 cases', enumOf(256), 1, 1],
    ['257 cases', enumOf(257), 2, 2],
    ['9 flags', { kind: 'flags', labels: 'abcdefghi'.split('') }, 2, 2],
  ])('%s', (_, type, size, align) => {
    expect(new Layouts().of(type)).toMatchObject({ size, align });
  });

  test('is done at once with a type that doubles forty times', () => {
    let type: ValueType = u8;
    for (let level = 0; level < 40; level += 1) type = { kind: 'tuple', items: [type, type] };
    expect(new Layouts().of(type)).toEqual({ size: 2 ** 40, align: 1, flatCount: 2 ** 40 });
  });
});

describe('flatten()', () => {
  test('joins the payloads of cases', () => {
    const cases = [u32, f32, u64, text].map((type, at) => ({ name: `c${at}`, type }));
    expect(flatten({ kind: 'variant', cases })).toEqual(['i32', 'i64', 'i32']);
    const two = [u32, f32].map((type, at) => ({ name: `c${at}`, type }));
    expect(flatten({ kind: 'variant', cases: two })).toEqual(['i32', 'i32']);
  });
});

describe('flattenFunction()', () => {
  const layouts = new Layouts();
  const func = (count: number, result: ValueType | undefined): FuncType => ({
    kind: 'func',
    isAsync: false,
    params: Array.from({ length: count }, (_, at) => ({ name: `p${at}`, type: u32 })),
    result,
  });

  test('passes 16 values as they are, and 17 by address', () => {
    const how = { context: 'lower', isAsync: false, layouts } as const;
    expect(flattenFunction(func(16, undefined), how).params).toHaveLength(16);
    expect(flattenFunction(func(17, undefined), how).params).toEqual(['i32']);
  });

  test('answers two values by address: given when lowered, answered when lifted', () => {
    const lowered = flattenFunction(func(1, text), { context: 'lower', isAsync: false, layouts });
    expect(lowered).toEqual({ params: ['i32', 'i32'], results: [] });
    const lifted = flattenFunction(func(1, text), { context: 'lift', isAsync: false, layouts });
    expect(lifted).toEqual({ params: ['i32'], results: ['i32'] });
  });
});
