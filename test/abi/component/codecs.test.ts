import { describe, expect, test } from 'vitest';
import type { GuestHost, WasmValue } from '../../../src/abi/abi.ts';
import { Codecs } from '../../../src/abi/component/codecs.ts';
import { Crossing } from '../../../src/abi/component/crossing.ts';
import { HandleTable, HostResource } from '../../../src/abi/component/handles.ts';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { CrossingOptions } from '../../../src/wasm/component/plan.ts';
import type { ValueType } from '../../../src/wasm/component/types.ts';

class Thing extends HostResource {}

const u8: ValueType = { kind: 'u8' };
const u16: ValueType = { kind: 'u16' };
const u32: ValueType = { kind: 'u32' };
const u64: ValueType = { kind: 'u64' };
const text: ValueType = { kind: 'string' };

/** A guest whose allocator only goes on. */
class Place {
  readonly memory: GuestMemory;
  readonly plain = new WebAssembly.Memory({ initial: 1 });
  readonly handles: HandleTable;
  readonly crossing: Crossing;
  #next = 1_024;

  constructor(encoding: CrossingOptions['encoding'] = 'utf8') {
    const trap = (reason: string): never => {
      throw new Error(reason);
    };
    this.memory = new GuestMemory(this.plain, { onWrite: undefined, trap });
    this.handles = new HandleTable({ trap }, 4);
    const realloc = (_: WasmValue, __: WasmValue, align: WasmValue, size: WasmValue): number => {
      const at = Math.ceil(this.#next / Number(align)) * Number(align);
      this.#next = at + Number(size);
      return at;
    };
    const core = { memory: this.memory, exportedFunction: () => realloc };
    const host = {
      ...core,
      core: () => core,
      callGuest: (callee: (arg: number) => unknown, arg: number) => callee(arg),
      trap,
    } as unknown as GuestHost;
    const options: CrossingOptions = {
      encoding,
      memory: 0,
      realloc: { core: 0, export: 'realloc' },
      postReturn: undefined,
      instance: 0,
      isAsync: false,
      callback: undefined,
    };
    const callBytesMax = defaultLimits.componentCallBytesMax;
    const onEvent = (): void => undefined;
    const parts = { host, handles: this.handles, onEvent, callBytesMax, words: undefined };
    this.crossing = new Crossing(parts, options);
  }
}

const codecs = new Codecs(({ id }) => ({ identity: id, instance: undefined }));

const values: readonly [string, ValueType, unknown][] = [
  ['u8', u8, 255],
  ['s8', { kind: 's8' }, -128],
  ['s16', { kind: 's16' }, -2],
  ['u32', u32, 4_294_967_295],
  ['s64', { kind: 's64' }, -1n],
  ['u64', u64, 2n ** 64n - 1n],
  ['f32', { kind: 'f32' }, 0.5],
  ['f64', { kind: 'f64' }, Number.MIN_VALUE],
  ['bool', { kind: 'bool' }, true],
  ['char', { kind: 'char' }, 0x1f600],
  ['a string', text, 'Grüße 🙂\0\ufeff'],
  ['bytes', { kind: 'list', element: u8 }, Buffer.from([0, 1, 255])],
  ['a list of strings', { kind: 'list', element: text }, ['', 'a', 'ä']],
  ['a tuple', { kind: 'tuple', items: [u8, u64, u16] }, [1, 2n, 3]],
  ['none', { kind: 'option', some: u64 }, undefined],
  ['some', { kind: 'option', some: u64 }, 7n],
  ...[
    { tag: 0, value: undefined },
    { tag: 1, value: undefined },
    { tag: 1, value: 7n },
  ].map((value): [string, ValueType, unknown] => [
    `an option of options, ${value.tag} and ${value.value}`,
    { kind: 'option', some: { kind: 'option', some: u64 } },
    value,
  ]),
  ['a map', { kind: 'map', key: text, value: u8 }, [['a', 1]]],
  ['flags', { kind: 'flags', labels: 'abcdefghijk'.split('') }, 0b101_0000_0001],
  ['an enum', { kind: 'enum', labels: ['a', 'b'] }, 1],
  ...[
    { tag: 0, value: 3_000_000_000 },
    { tag: 1, value: 0.25 },
    { tag: 2, value: 2n ** 63n },
    { tag: 3, value: 'text' },
    { tag: 4, value: undefined },
    { tag: 5, value: 0.125 },
  ].map((value): [string, ValueType, unknown] => [
    `case ${value.tag}`,
    {
      kind: 'variant',
      cases: [u32, { kind: 'f32' } as const, u64, text, undefined, { kind: 'f64' } as const].map(
        (type, at) => ({ name: `c${at}`, type }),
      ),
    },
    value,
  ]),
  [
    'a result in a list',
    { kind: 'list', element: { kind: 'result', ok: text, error: undefined } },
    [
      { tag: 0, value: 'x' },
      { tag: 1, value: undefined },
    ],
  ],
];

describe.each(['utf8', 'utf16', 'latin1+utf16'] as const)('Codecs, %s', (encoding) => {
  test.each(values)('bring %s back from memory', (_, type, value) => {
    const { crossing } = new Place(encoding);
    const codec = codecs.of(type);
    codec.store(crossing, value as never, 64);
    crossing.begin();
    expect(codec.load(crossing, 64)).toEqual(value);
  });

  test.each(['', 'value', '\0\x7f\x80\xff', 'ä'.repeat(100)])('take %j for bytes', (value) => {
    const { crossing } = new Place(encoding);
    const codec = codecs.of({ kind: 'list', element: u8 });
    codec.store(crossing, value as never, 64);
    crossing.begin();
    const bytes = codec.load(crossing, 64) as Uint8Array;
    expect([...bytes]).toEqual([...Buffer.from(value, 'latin1')]);
  });

  test.each(values)('bring %s back from core values', (_, type, value) => {
    const { crossing } = new Place(encoding);
    const codec = codecs.of(type);
    const flat: WasmValue[] = [];
    codec.lower(crossing, value as never, flat);
    expect(flat).toHaveLength(codec.flatCount);
    crossing.begin();
    expect(codec.lift(crossing, flat, 0)).toEqual(value);
  });
});

describe('Codecs', () => {
  test('give not a byte beyond a value', () => {
    const { crossing, plain } = new Place();
    new Uint8Array(plain.buffer).fill(0xaa, 0, 256);
    codecs.of({ kind: 'tuple', items: [u8, u16] }).store(crossing, [1, 2] as never, 64);
    const around = [...new Uint8Array(plain.buffer, 62, 8)];
    expect(around).toEqual([0xaa, 0xaa, 1, 0xaa, 2, 0, 0xaa, 0xaa]);
  });

  test('cut numbers to their width', () => {
    const { crossing } = new Place();
    expect(codecs.of(u8).lift(crossing, [0x1ff], 0)).toBe(255);
    expect(codecs.of({ kind: 's8' }).lift(crossing, [0xff], 0)).toBe(-1);
    expect(codecs.of({ kind: 'bool' }).lift(crossing, [2], 0)).toBe(true);
  });

  test.each<[string, ValueType, readonly WasmValue[], RegExp]>([
    ['a surrogate', { kind: 'char' }, [0xd800], /code point/],
    ['a character beyond Unicode', { kind: 'char' }, [0x110000], /code point/],
    ['a case that is none', { kind: 'enum', labels: ['a'] }, [1], /one of 1 cases/],
    ['a list that is not aligned', { kind: 'list', element: u32 }, [2, 1], /multiples of 4/],
    ['a list past memory', { kind: 'list', element: u32 }, [65_536, 1], /linear memory/],
    ['a list of 2^32 - 1', { kind: 'list', element: u64 }, [0, -1], /at most 16 MiB/],
    ['an empty list past memory', { kind: 'list', element: u32 }, [65_540, 0], /inside of it/],
    ['no bytes past memory', { kind: 'list', element: u8 }, [65_537, 0], /inside of it/],
    ['an empty string past memory', text, [-1, 0], /inside of it/],
    ['bytes past memory', { kind: 'list', element: u8 }, [65_535, 2], /linear memory/],
  ])('trap on %s', (_, type, flat, reason) => {
    const { crossing } = new Place();
    crossing.begin();
    expect(() => codecs.of(type).lift(crossing, flat, 0)).toThrow(reason);
  });

  test.each<[CrossingOptions['encoding'], readonly number[], readonly WasmValue[]]>([
    ['utf8', [0xc0, 0x80], [64, 2]],
    ['utf8', [0xed, 0xa0, 0x80], [64, 3]],
    ['utf16', [0x00, 0xd8], [64, 1]],
    ['utf16', [0x41, 0x00], [65, 1]],
    ['latin1+utf16', [0x00, 0xdc], [64, 0x8000_0001]],
    ['latin1+utf16', [0x41, 0x00], [65, 0x8000_0001]],
  ])('trap on what is not text: %s %j', (encoding, bytes, flat) => {
    const { crossing, memory } = new Place(encoding);
    memory.writeBytes(64, Uint8Array.from(bytes));
    crossing.begin();
    expect(() => codecs.of(text).lift(crossing, flat, 0)).toThrow(/must be|multiples/);
  });

  test('bring no more than 16 MiB out in one call, however often it points at the same', () => {
    const { crossing, memory } = new Place();
    for (let at = 0; at < 400; at += 1) {
      memory.writeU32(4_096 + at * 8, 0);
      memory.writeU32(4_100 + at * 8, 60_000);
    }
    crossing.begin();
    const lists: ValueType = { kind: 'list', element: { kind: 'list', element: u8 } };
    expect(() => codecs.of(lists).lift(crossing, [4_096, 400], 0)).toThrow(/16 MiB/);
  });

  const pair: ValueType = { kind: 'tuple', items: [u32, u32] };
  test.each<[string, ValueType, number]>([
    ['strings', text, 99_864],
    ['lists of bytes', { kind: 'list', element: u8 }, 99_864],
    ['pairs', pair, 123_361],
    ['pairs that may be left out', { kind: 'option', some: pair }, 97_541],
    ['numbers', u32, 466_033],
  ])('bring no more %s out than take some milliseconds', (_, element, most) => {
    const { crossing, plain } = new Place();
    plain.grow(120);
    const list = codecs.of({ kind: 'list', element });
    crossing.begin();
    expect(list.lift(crossing, [0, most], 0)).toHaveLength(most);
    crossing.begin();
    expect(() => list.lift(crossing, [0, most + 1], 0)).toThrow(/16 MiB/);
  });
});

test('lists in one call of the host have 10,000 values together, other calls more', () => {
  const { crossing, memory, plain } = new Place();
  plain.grow(2);
  const lists = codecs.of({ kind: 'list', element: { kind: 'list', element: u32 } });
  memory.writeU32(0, 64);
  memory.writeU32(4, 5_000);
  memory.writeU32(8, 64);
  memory.writeU32(12, 4_998);
  crossing.beginHostCall();
  expect(lists.lift(crossing, [0, 2], 0)).toHaveLength(2);
  memory.writeU32(12, 4_999);
  crossing.beginHostCall();
  expect(() => lists.lift(crossing, [0, 2], 0)).toThrow(/at most 10000/);
  crossing.begin();
  expect(lists.lift(crossing, [0, 2], 0)).toHaveLength(2);
});

describe('HandleTable', () => {
  const own: ValueType = { kind: 'own', resource: { kind: 'resource', id: 7 } };
  const borrow: ValueType = { kind: 'borrow', resource: { kind: 'resource', id: 7 } };

  test('gives freed numbers again, the last first, and never 0', () => {
    const { crossing, handles } = new Place();
    const give = (): WasmValue => {
      const flat: WasmValue[] = [];
      codecs.of(own).lower(crossing, new Thing() as never, flat);
      return flat[0] ?? -1;
    };
    expect([give(), give(), give()]).toEqual([1, 2, 3]);
    codecs.of(own).lift(crossing, [1], 0);
    codecs.of(own).lift(crossing, [3], 0);
    expect([give(), give()]).toEqual([3, 1]);
    give();
    expect(give).toThrow(/at most 4 at once/);
    handles.clear();
    expect(give()).toBe(1);
  });

  test('lends without giving away, and gives away but once', () => {
    const { crossing } = new Place();
    const thing = new Thing();
    codecs.of(own).lower(crossing, thing as never, []);
    expect(codecs.of(borrow).lift(crossing, [1], 0)).toBe(thing);
    expect(codecs.of(own).lift(crossing, [1], 0)).toBe(thing);
    expect(() => codecs.of(borrow).lift(crossing, [1], 0)).toThrow(/names nothing/);
  });

  test('keeps a thing whose child is still there', () => {
    const { crossing } = new Place();
    const thing = new Thing();
    const child = thing.adopt(new Thing());
    codecs.of(own).lower(crossing, thing as never, []);
    expect(() => codecs.of(own).lift(crossing, [1], 0)).toThrow(/dropped first/);
    child.drop();
    expect(codecs.of(own).lift(crossing, [1], 0)).toBe(thing);
  });
});
