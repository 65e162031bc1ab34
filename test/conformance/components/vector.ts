/** One vector of the reference implementation against our codecs; see `scripts/conformance`. */
import type { GuestHost, WasmValue } from '../../../src/abi/abi.ts';
import { isNestedOption } from '../../../src/abi/component/codec-variants.ts';
import { Codecs } from '../../../src/abi/component/codecs.ts';
import { Crossing } from '../../../src/abi/component/crossing.ts';
import { HandleTable } from '../../../src/abi/component/handles.ts';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { defaultLimits } from '../../../src/config/config.ts';
import type { CrossingOptions } from '../../../src/wasm/component/plan.ts';
import {
  type FlatType,
  flatten,
  Layouts,
  payloadsOf,
  type ValueType,
} from '../../../src/wasm/component/types.ts';
import { describeValue, isSameValue } from './values.ts';

type Lifted = { readonly value: unknown } | { readonly trap: true };

/** As the script writes it: null stands for what is left out. */
export interface Vector {
  readonly type: unknown;
  readonly encoding: CrossingOptions['encoding'];
  readonly size: number;
  readonly align: number;
  readonly flatTypes: readonly FlatType[];
  readonly value: unknown;
  /** What the value is lowered to, and the memory then. */
  readonly flat: readonly string[];
  readonly memory: string;
  /** What it is stored as, at `at`. */
  readonly at: number;
  readonly stored: string;
  /** The same with changes, and what is lifted from it. */
  readonly givenFlat: readonly string[];
  readonly givenMemory: string;
  readonly lifted: Lifted;
  readonly givenStored: string;
  readonly loaded: Lifted;
}

const memoryBytes = 4096;
const firstFree = 16;

class Trapped extends Error {}

/** A guest whose allocator only goes on. */
class Place {
  readonly plain = new WebAssembly.Memory({ initial: 1 });
  readonly crossing: Crossing;
  next = firstFree;

  constructor(encoding: CrossingOptions['encoding'], contents = '') {
    const trap = (reason: string): never => {
      throw new Trapped(reason);
    };
    this.bytes.set(Buffer.from(contents, 'hex'));
    const memory = new GuestMemory(this.plain, {
      onWrite: undefined,
      trap,
      byteLength: () => memoryBytes,
    });
    const realloc = (_: number, __: number, align: number, size: number): number => {
      const at = Math.ceil(this.next / align) * align;
      this.next = at + size;
      return at;
    };
    const core = { memory, exportedFunction: () => realloc };
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
    const handles = new HandleTable({ trap }, 1);
    const callBytesMax = defaultLimits.componentCallBytesMax;
    const onEvent = (): void => undefined;
    const parts = { host, handles, onEvent, callBytesMax, words: undefined };
    this.crossing = new Crossing(parts, options);
    this.crossing.begin();
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.plain.buffer);
  }

  /** Without the zeros at the end. */
  get contents(): string {
    return Buffer.from(this.bytes.subarray(0, memoryBytes))
      .toString('hex')
      .replace(/(?:00)+$/, '');
  }
}

/** What differs, one sentence each. */
export function compareVector(vector: Vector): readonly string[] {
  const type = withoutNull(vector.type) as ValueType;
  const what = `${vector.encoding} ${JSON.stringify(type)}`;
  const differences: string[] = [];
  const expect = (label: string, received: unknown, expected: unknown): void => {
    if (isSameValue(received, expected)) return;
    const [wanted, found] = [describeValue(expected), describeValue(received)];
    differences.push(`${label} of ${what}: expected ${wanted}: received ${found}`);
  };
  const { size, align } = new Layouts().of(type);
  expect('layout', [size, align], [vector.size, vector.align]);
  const flatTypes = flatten(type);
  expect('flat types', flatTypes, vector.flatTypes);
  const codec = new Codecs(({ id }) => ({ identity: id, instance: undefined })).of(type);
  const value = readShown(type, vector.value) as never;

  const lowered = new Place(vector.encoding);
  const flat: WasmValue[] = [];
  codec.lower(lowered.crossing, value, flat);
  expect(
    'lowered',
    flat.map((each, at) => writeFlat(flatTypes[at], each)),
    vector.flat,
  );
  expect('memory', lowered.contents, vector.memory);

  const stored = new Place(vector.encoding);
  stored.next = vector.at + size;
  codec.store(stored.crossing, value, vector.at);
  expect('stored', stored.contents, vector.stored);

  const given = new Place(vector.encoding, vector.givenMemory);
  const core = vector.givenFlat.map((each, at) => readFlat(flatTypes[at], each));
  expect(
    'lifted',
    tryLift(() => codec.lift(given.crossing, core, 0)),
    wanted(type, vector.lifted),
  );
  const loading = new Place(vector.encoding, vector.givenStored);
  const load = (): unknown => codec.load(loading.crossing, vector.at);
  expect('loaded', tryLift(load), wanted(type, vector.loaded));
  return differences;
}

function tryLift(lift: () => unknown): unknown {
  try {
    return { value: lift() };
  } catch (error) {
    if (error instanceof Trapped) return { trap: true };
    throw error;
  }
}

function wanted(type: ValueType, lifted: Lifted): unknown {
  return 'trap' in lifted ? lifted : { value: readShown(type, lifted.value) };
}

/** JSON has no undefined. */
function withoutNull(given: unknown): unknown {
  if (given === null) return undefined;
  if (Array.isArray(given)) return given.map(withoutNull);
  if (typeof given !== 'object') return given;
  return Object.fromEntries(Object.entries(given).map(([key, each]) => [key, withoutNull(each)]));
}

/** A value as the script shows it, as codecs have it. */
function readShown(type: ValueType, shown: unknown): unknown {
  const items = shown as readonly unknown[];
  switch (type.kind) {
    case 's64':
    case 'u64':
      return BigInt(shown as string);
    case 'f32':
    case 'f64':
      return readFlat(type.kind, shown as string);
    case 'list': {
      const read = items.map((item) => readShown(type.element, item));
      return type.element.kind === 'u8' ? Uint8Array.from(read as number[]) : read;
    }
    case 'map':
      return (shown as readonly (readonly [unknown, unknown])[]).map(([key, value]) => [
        readShown(type.key, key),
        readShown(type.value, value),
      ]);
    case 'tuple':
      return type.items.map((item, at) => readShown(item, items[at]));
    case 'record':
      return type.fields.map((field, at) => readShown(field.type, items[at]));
    case 'enum':
      return (shown as { readonly tag: number }).tag;
    case 'variant':
    case 'option':
    case 'result':
      return readCase(type, shown as { readonly tag: number; readonly value: unknown });
    default:
      return shown;
  }
}

function readCase(
  type: Extract<ValueType, { readonly kind: 'variant' | 'option' | 'result' }>,
  { tag, value }: { readonly tag: number; readonly value: unknown },
): unknown {
  const payload = payloadsOf(type)?.[tag];
  const read = payload === undefined ? undefined : readShown(payload, value);
  return type.kind === 'option' && !isNestedOption(type) ? read : { tag, value: read };
}

const words = new DataView(new ArrayBuffer(8));

function readFlat(type: FlatType | undefined, text: string): WasmValue {
  if (type === 'i32') return Number(text) | 0;
  const bits = BigInt.asIntN(64, BigInt(text));
  if (type === 'i64') return bits;
  words.setBigInt64(0, bits, true);
  return type === 'f32' ? words.getFloat32(0, true) : words.getFloat64(0, true);
}

function writeFlat(type: FlatType | undefined, value: WasmValue): string {
  if (type === 'i32') return String(Number(value) >>> 0);
  if (type === 'i64') return String(BigInt.asUintN(64, BigInt(value)));
  if (type === 'f32') {
    words.setFloat32(0, Number(value), true);
    return String(words.getUint32(0, true));
  }
  words.setFloat64(0, Number(value), true);
  return String(words.getBigUint64(0, true));
}
