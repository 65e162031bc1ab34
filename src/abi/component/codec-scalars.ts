/** Numbers, truth values, characters, flags and enums: one core value each. */
import type { ValueType } from '../../wasm/component/types.ts';
import type { WasmValue } from '../abi.ts';
import type { GuestMemory } from '../memory.ts';
import type { Codec } from './codec.ts';
import type { Crossing } from './crossing.ts';

interface Scalar {
  readonly size: number;
  /** From a core value of its flat type. */
  readonly fromFlat: (crossing: Crossing, flat: WasmValue) => unknown;
  readonly toFlat: (value: never) => WasmValue;
  readonly load: (memory: GuestMemory, ptr: number) => WasmValue;
  readonly store: (memory: GuestMemory, ptr: number, flat: never) => void;
}

const surrogateMin = 0xd800;
const surrogateMax = 0xdfff;
const codePointMax = 0x10ffff;

const load8 = (memory: GuestMemory, ptr: number): number => memory.readU8(ptr);
const load16 = (memory: GuestMemory, ptr: number): number => memory.readU16(ptr);
const load32 = (memory: GuestMemory, ptr: number): number => memory.readU32(ptr);
const load64 = (memory: GuestMemory, ptr: number): bigint => memory.readU64(ptr);
const store8 = (memory: GuestMemory, ptr: number, flat: number): void => memory.writeU8(ptr, flat);
const store16 = (memory: GuestMemory, ptr: number, flat: number): void =>
  memory.writeU16(ptr, flat);
const store32 = (memory: GuestMemory, ptr: number, flat: number): void =>
  memory.writeU32(ptr, flat);
const store64 = (memory: GuestMemory, ptr: number, flat: bigint): void =>
  memory.writeU64(ptr, flat);

/** Numbers of less than 32 bits come in 32: what is beyond theirs is cut. */
function integer(bytes: 1 | 2 | 4, isSigned: boolean): Scalar {
  const shift = 32 - bytes * 8;
  const cut = isSigned
    ? (flat: WasmValue): number => (Number(flat) << shift) >> shift
    : (flat: WasmValue): number => (Number(flat) << shift) >>> shift;
  return {
    size: bytes,
    fromFlat: (_, flat) => cut(flat),
    toFlat: (value: number) => value | 0,
    load: bytes === 1 ? load8 : bytes === 2 ? load16 : load32,
    store: bytes === 1 ? store8 : bytes === 2 ? store16 : store32,
  };
}

function wide(isSigned: boolean): Scalar {
  return {
    size: 8,
    fromFlat: (_, flat) =>
      isSigned ? BigInt.asIntN(64, BigInt(flat)) : BigInt.asUintN(64, BigInt(flat)),
    toFlat: (value: bigint) => BigInt.asIntN(64, value),
    load: load64,
    store: store64,
  };
}

const words = new DataView(new ArrayBuffer(8));

/** All not-a-numbers are one. */
function float(bytes: 4 | 8): Scalar {
  return {
    size: bytes,
    fromFlat: (_, flat) => Number(flat),
    toFlat: (value: number) => value,
    load: (memory, ptr) => {
      if (bytes === 4) {
        words.setUint32(0, memory.readU32(ptr), true);
        return words.getFloat32(0, true);
      }
      words.setBigUint64(0, memory.readU64(ptr), true);
      return words.getFloat64(0, true);
    },
    store: (memory, ptr, flat: number) => {
      if (bytes === 4) {
        words.setFloat32(0, flat, true);
        memory.writeU32(ptr, words.getUint32(0, true));
      } else {
        words.setFloat64(0, flat, true);
        memory.writeU64(ptr, words.getBigUint64(0, true));
      }
    },
  };
}

const truth: Scalar = {
  size: 1,
  fromFlat: (_, flat) => Number(flat) !== 0,
  toFlat: (value: boolean) => (value ? 1 : 0),
  load: load8,
  store: store8,
};

const character: Scalar = {
  size: 4,
  fromFlat: (crossing, flat) => {
    const code = Number(flat) >>> 0;
    const isSurrogate = code >= surrogateMin && code <= surrogateMax;
    if (code <= codePointMax && !isSurrogate) return code;
    return crossing.trap(`Cannot take a character: a code point of Unicode: received ${code}`);
  },
  toFlat: (value: number) => value,
  load: load32,
  store: store32,
};

function labelled(labels: readonly string[], kind: 'flags' | 'enum'): Scalar {
  const isFlags = kind === 'flags';
  const count = labels.length;
  const small = isFlags ? 8 : 256;
  const middle = isFlags ? 16 : 65_536;
  const { load, store, size } = integer(count <= small ? 1 : count <= middle ? 2 : 4, false);
  const mask = count >= 32 ? 0xffff_ffff : 2 ** count - 1;
  return {
    size,
    fromFlat: (crossing, flat) => {
      const value = Number(flat) >>> 0;
      if (isFlags) return (value & mask) >>> 0;
      if (value < count) return value;
      return crossing.trap(`Cannot take a value: one of ${count} cases: received ${value}`);
    },
    toFlat: (value: number) => value | 0,
    load,
    store,
  };
}

const scalars: Readonly<Record<string, Scalar>> = {
  bool: truth,
  s8: integer(1, true),
  u8: integer(1, false),
  s16: integer(2, true),
  u16: integer(2, false),
  s32: integer(4, true),
  u32: integer(4, false),
  s64: wide(true),
  u64: wide(false),
  f32: float(4),
  f64: float(8),
  char: character,
};

/** Of a type that is one core value and names nothing. */
export function scalarCodec(type: ValueType): Codec {
  const scalar = 'labels' in type ? labelled(type.labels, type.kind) : scalars[type.kind];
  if (scalar === undefined) throw new TypeError(`Cannot make a codec of ${type.kind}`);
  const { size, fromFlat, toFlat, load, store } = scalar;
  return {
    size,
    align: size,
    flatCount: 1,
    lift: (crossing, flat, at) => fromFlat(crossing, flat[at] ?? 0),
    load: (crossing, ptr) => fromFlat(crossing, load(crossing.memory, ptr)),
    lower: (_, value, flat) => void flat.push(toFlat(value)),
    lowerOne: (_, value) => toFlat(value),
    store: (crossing, value, ptr) => store(crossing.memory, ptr, toFlat(value) as never),
  };
}
