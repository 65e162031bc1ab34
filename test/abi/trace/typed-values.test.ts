import { describe, expect, test } from 'vitest';
import type { TypedCall } from '../../../src/abi/hostcall.ts';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { typedAnswer, typedGiven } from '../../../src/abi/trace/typed-values.ts';
import type { ValueType } from '../../../src/wasm/component/types.ts';

const u8: ValueType = { kind: 'u8' };
const u32: ValueType = { kind: 'u32' };
const text: ValueType = { kind: 'string' };
const bytes: ValueType = { kind: 'list', element: u8 };
const color: ValueType = { kind: 'enum', labels: ['red', 'green'] };
const rights: ValueType = { kind: 'flags', labels: ['read', 'write', 'run'] };
const option = (some: ValueType): ValueType => ({ kind: 'option', some });
const list = (element: ValueType): ValueType => ({ kind: 'list', element });

const memory = new GuestMemory(new WebAssembly.Memory({ initial: 1 }), {
  onWrite: () => undefined,
  trap: (reason) => {
    throw new Error(reason);
  },
});
memory.writeBytes(0x100, Buffer.from('hello'));
memory.writeBytes(0x200, Buffer.from('wörter', 'utf16le'));
memory.writeBytes(0x300, Buffer.alloc(500, 'b'));
memory.writeBytes(0x600, Buffer.from('/x?key=1'));
/** Two texts, and then one that is nowhere. */
for (const [at, ptr, length] of [
  [0x700, 0x100, 5],
  [0x708, 0x600, 8],
  [0x710, 0xffff_fff0, 3],
] as const) {
  memory.writeU32(at, ptr);
  memory.writeU32(at + 4, length);
}

interface Plan {
  readonly types: readonly ValueType[];
  readonly args: readonly (number | bigint)[];
  readonly typed?: Partial<TypedCall>;
  readonly encoding?: TypedCall['options']['encoding'];
  readonly isAsync?: boolean;
  readonly result?: ValueType;
  readonly showsSecrets?: boolean;
}

function typedOf({ types, typed, encoding = 'utf8', isAsync = false, result }: Plan): TypedCall {
  return {
    type: { params: types.map((type, at) => ({ name: `p${at}`, type })), result },
    options: { encoding, memory: 0, isAsync },
    ...{ hasParamsInMemory: false, hasResultInMemory: false, resultPlace: 0, hidesAnswer: false },
    ...typed,
  };
}

const sightOf = ({ args, showsSecrets = true }: Plan) => ({ args, host: { memory }, showsSecrets });
const given = (plan: Plan): readonly string[] => typedGiven(sightOf(plan), typedOf(plan));
const answer = (plan: Plan, result: unknown): readonly string[] =>
  typedAnswer(sightOf(plan), typedOf(plan), result);
const one = (type: ValueType, ...args: readonly (number | bigint)[]): string =>
  given({ types: [type], args })
    .join(' | ')
    .replace('p0=', '');

describe('a value among core values', () => {
  test.each<[ValueType, readonly (number | bigint)[], string]>([
    [{ kind: 'bool' }, [1], 'true'],
    [{ kind: 's8' }, [255], '-1'],
    [u8, [257], '1'],
    [u32, [-1], '4294967295'],
    [{ kind: 'u64' }, [-1n], '18446744073709551615'],
    [{ kind: 's64' }, [-1n], '-1'],
    [{ kind: 'f64' }, [1.5], '1.5'],
    [{ kind: 'char' }, [0x1f600], '"\\ud83d\\ude00"'],
    [text, [0x100, 5], '"hello"'],
    [bytes, [0x100, 5], '"hello"'],
    [bytes, [0x300, 500], `"${'b'.repeat(64)}"… (500 bytes)`],
    [list(text), [0x700, 2], '["hello", "/x?key=1"]'],
    [list(text), [0x700, 3], '["hello", "/x?key=1", 0xfffffff0+3]'],
    [list(text), [0xffff_fff0, 3], '0xfffffff0+3'],
    [list(u32), [0x300, 10], `[${Array(8).fill(0x6262_6262).join(', ')}, 2 more]`],
    [color, [1], 'green'],
    [color, [9], 'case 9'],
    [rights, [5], '{read, run}'],
    [option(text), [0, 0, 0], 'none'],
    [option(text), [1, 0x100, 5], '"hello"'],
    [{ kind: 'result', ok: u32, error: color }, [0, 7], 'ok(7)'],
    [{ kind: 'result', ok: u32, error: color }, [1, 1], 'error(green)'],
    [{ kind: 'result', ok: undefined, error: undefined }, [0], 'ok'],
    [{ kind: 'tuple', items: [u8, text] }, [3, 0x100, 5], '(3, "hello")'],
    [
      {
        kind: 'record',
        fields: [
          { name: 'a', type: u8 },
          { name: 'b', type: color },
        ],
      },
      [3, 0],
      '{a: 3, b: red}',
    ],
    [{ kind: 'own', resource: { kind: 'resource', id: 1 } }, [5], '#5'],
    [{ kind: 'stream', element: u8 }, [6], '#6'],
  ])('is told: $0.kind, case %#', (type, args, word) => {
    expect(one(type, ...args)).toBe(word);
  });

  test('of a variant is read out of what all cases have in common', () => {
    const type: ValueType = {
      kind: 'variant',
      cases: [
        { name: 'small', type: { kind: 'f32' } },
        { name: 'large', type: { kind: 's64' } },
        { name: 'none', type: undefined },
      ],
    };
    // 1.5 in the bits of an f32.
    expect(one(type, 0, 0x3fc0_0000n)).toBe('small(1.5)');
    expect(one(type, 1, -2n)).toBe('large(-2)');
    expect(one(type, 2, 0n)).toBe('none');
  });

  test('has texts in the encoding of the caller', () => {
    const units = 'wörter'.length;
    const words = (encoding: TypedCall['options']['encoding'], length: number) =>
      given({ types: [text], args: [0x200, length], encoding });
    expect(words('utf16', units)).toEqual(['p0="w\\u00f6rter"']);
    expect(words('latin1+utf16', units + 0x8000_0000)).toEqual(['p0="w\\u00f6rter"']);
    expect(given({ types: [text], args: [0x100, 5], encoding: 'latin1+utf16' })).toEqual([
      'p0="hello"',
    ]);
  });
});

describe('values in memory', () => {
  test('lie one after another, aligned', () => {
    memory.writeU8(0x800, 1);
    memory.writeU64(0x808, 2n);
    memory.writeU32(0x810, 0x100);
    memory.writeU32(0x814, 5);
    const types: readonly ValueType[] = [u8, { kind: 'u64' }, text];
    const typed = { hasParamsInMemory: true };
    expect(given({ types, args: [0x800], typed })).toEqual(['p0=1', 'p1=2', 'p2="hello"']);
  });

  test('are addresses where they are none', () => {
    const typed = { hasParamsInMemory: true };
    expect(given({ types: [text], args: [65_532], typed })).toEqual(['p0=0xfffc+8']);
  });

  test('are shown up to a number of them, however deep they nest', () => {
    let deep: ValueType = u8;
    for (let level = 0; level < 60; level += 1) deep = { kind: 'tuple', items: [deep, deep] };
    const [word = ''] = given({ types: [deep], args: [0] });
    expect(word).toContain('…');
    expect(word.length).toBeLessThan(1_000);
  });
});

describe('an answer', () => {
  const inMemory = { hasResultInMemory: true, resultPlace: 1 };

  test('is the core value, or lies where the last argument says', () => {
    expect(answer({ types: [], args: [], result: color }, 1)).toEqual(['green']);
    expect(answer({ types: [], args: [] }, undefined)).toEqual([]);
    memory.writeU8(0x900, 1);
    memory.writeU32(0x904, 0x100);
    memory.writeU32(0x908, 5);
    const plan = { types: [u32], args: [1, 0x900], result: option(text), typed: inMemory };
    expect(answer(plan, undefined)).toEqual(['"hello"']);
  });

  test('of a call that goes on is how far it has come', () => {
    const plan = { types: [], args: [0, 0x900], result: option(text), typed: inMemory };
    expect(answer({ ...plan, isAsync: true }, 1 + (7 << 4))).toEqual(['started, subtask=7']);
    expect(answer({ ...plan, isAsync: true }, 2)).toEqual(['"hello"']);
  });
});

describe('where secrets are not shown', () => {
  const plan = { types: [text, bytes], args: [0x600, 8, 0x100, 5], showsSecrets: false };

  test('contents are told by their length, and of addresses the path', () => {
    expect(given(plan)).toEqual(['p0="/x"…', 'p1=5 bytes']);
  });

  test('answers of settings are hidden', () => {
    const typed = { hidesAnswer: true };
    expect(answer({ ...plan, result: u32, typed }, 7)).toEqual(['[hidden]']);
    expect(answer({ ...plan, result: u32, typed, showsSecrets: true }, 7)).toEqual(['7']);
  });
});
