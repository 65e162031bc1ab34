/**
 * Values of a component's types in a call, in words that a person reads. Looks into the guest's
 * memory, takes no handle, traps nowhere: what does not lie in memory is shown as its address.
 */
import {
  alignTo,
  discriminantBytes,
  type FlatType,
  flatten,
  Layouts,
  partsOf,
  payloadsOf,
  type ValueType,
} from '../../wasm/component/types.ts';
import type { WasmValue } from '../abi.ts';
import type { TypedCall } from '../hostcall.ts';
import type { GuestMemory } from '../memory.ts';
import {
  type CallSight,
  hidden,
  itemsShownMax,
  quote,
  showOutside,
  showText,
  textBytesShownMax,
} from './shown.ts';

/** Of one call: types nest a hundred deep, and each list has several items. */
const valuesShownMax = 100;
/** Of `latin1+utf16`: the length is counted in code units of UTF-16. */
const utf16Tag = 0x8000_0000;
/** A function that goes on beside its caller answers with its state, below its handle. */
const subtaskStateBits = 4;
const returned = 2;
const stateNames = ['starting', 'started', 'returned', 'cancelled', 'cancelled'];

type TypedSight = Omit<CallSight, 'facts'>;

/** Where a value is: core values from a place on, or an address. */
type Place =
  | { readonly flat: readonly WasmValue[]; readonly at: number }
  | { readonly ptr: number };

/** The arguments that a guest gives, as they are before the call. */
export function typedGiven(call: TypedSight, typed: TypedCall): readonly string[] {
  const { params } = typed.type;
  const words = new ValueWords(call, typed);
  const place: Place = typed.hasParamsInMemory
    ? { ptr: Number(call.args[0]) >>> 0 }
    : { flat: call.args, at: 0 };
  const types = params.map(({ type }) => type);
  return words.members(types, place).map((word, at) => `${params[at]?.name}=${word}`);
}

/** What the host gave: the result, or how far the call has come. */
export function typedAnswer(
  call: TypedSight,
  typed: TypedCall,
  answer: unknown,
): readonly string[] {
  const { result } = typed.type;
  if (typed.options.isAsync) {
    const state = Number(answer) % 2 ** subtaskStateBits;
    const subtask = Math.floor(Number(answer) / 2 ** subtaskStateBits);
    if (state !== returned) return [`${stateNames[state] ?? state}, subtask=${subtask}`];
  }
  if (result === undefined) return [];
  if (typed.hidesAnswer && !call.showsSecrets) return [hidden];
  const place: Place = typed.hasResultInMemory
    ? { ptr: Number(call.args[typed.resultPlace]) >>> 0 }
    : { flat: [answer as WasmValue], at: 0 };
  return [new ValueWords(call, typed).one(result, place)];
}

class ValueWords {
  readonly #call: TypedSight;
  readonly #encoding: TypedCall['options']['encoding'];
  readonly #layouts = new Layouts();
  #left = valuesShownMax;

  constructor(call: TypedSight, { options }: TypedCall) {
    this.#call = call;
    this.#encoding = options.encoding;
  }

  one(type: ValueType, place: Place): string {
    if (this.#left <= 0) return '…';
    this.#left -= 1;
    const { size } = this.#layouts.of(type);
    if ('ptr' in place && !this.#memory.holds(place.ptr, size)) return showOutside(place.ptr, size);
    switch (type.kind) {
      case 'record': {
        const types = type.fields.map((field) => field.type);
        const words = this.members(types, place);
        return `{${words.map((word, at) => `${type.fields[at]?.name}: ${word}`).join(', ')}}`;
      }
      case 'tuple':
        return `(${this.members(type.items, place).join(', ')})`;
      case 'option':
      case 'result':
      case 'variant':
        return this.#choice(type, place);
      case 'list':
        return this.#list(type.element, place);
      case 'map':
        return this.#list({ kind: 'tuple', items: [type.key, type.value] }, place);
      case 'string':
        return this.#text(...this.#pair(place));
      default:
        return this.#scalar(type, size, place);
    }
  }

  /** Values one after another, as those of a record, or parameters. */
  members(types: readonly ValueType[], place: Place): readonly string[] {
    const words: string[] = [];
    let offset = 0;
    for (const type of types) {
      if (this.#left <= 0) return [...words, '…'];
      const { align, flatCount, size } = this.#layouts.of(type);
      if ('ptr' in place) {
        offset = alignTo(offset, align);
        words.push(this.one(type, { ptr: place.ptr + offset }));
        offset += size;
      } else {
        words.push(this.one(type, { flat: place.flat, at: place.at + offset }));
        offset += flatCount;
      }
    }
    return words;
  }

  get #memory(): GuestMemory {
    return this.#call.host.memory;
  }

  #choice(
    type: Extract<ValueType, { readonly kind: 'option' | 'result' | 'variant' }>,
    place: Place,
  ): string {
    const payloads = payloadsOf(type) ?? [];
    const tag = this.#number(discriminantBytes(payloads.length), place);
    if (tag >= payloads.length) return `case ${tag}`;
    const payload = payloads[tag];
    const inner = payload && this.one(payload, this.#payloadPlace(type, payload, place));
    if (type.kind === 'option') return inner ?? 'none';
    const name = type.kind === 'result' ? ['ok', 'error'][tag] : type.cases[tag]?.name;
    return inner === undefined ? `${name}` : `${name}(${inner})`;
  }

  #payloadPlace(type: ValueType, payload: ValueType, place: Place): Place {
    const payloads = payloadsOf(type) ?? [];
    if ('ptr' in place) {
      const aligns = partsOf(type).map((part) => this.#layouts.of(part).align);
      const tagBytes = discriminantBytes(payloads.length);
      return { ptr: place.ptr + alignTo(tagBytes, Math.max(1, ...aligns)) };
    }
    // The core values that all payloads have in common stand behind that of the case.
    const joined = flatten(type).slice(1);
    const own = flatten(payload).map((flat, at) =>
      asType(place.flat[place.at + 1 + at] ?? 0, joined[at] ?? flat, flat),
    );
    return { flat: own, at: 0 };
  }

  #list(element: ValueType, place: Place): string {
    const [ptr, count] = this.#pair(place);
    if (element.kind === 'u8') return this.#bytes(ptr, count);
    const { size } = this.#layouts.of(element);
    const shown = Math.min(count, itemsShownMax);
    if (!this.#memory.holds(ptr, shown * size)) return showOutside(ptr, count);
    const words = Array.from({ length: shown }, (_, at) =>
      this.one(element, { ptr: ptr + at * size }),
    );
    if (count > shown) words.push(`${count - shown} more`);
    return `[${words.join(', ')}]`;
  }

  #bytes(ptr: number, count: number): string {
    if (!this.#memory.holds(ptr, count)) return showOutside(ptr, count);
    if (!this.#call.showsSecrets) return `${count} bytes`;
    const length = Math.min(count, textBytesShownMax);
    return showText(this.#memory.readUtf8Lossy(ptr, length, length), count, true);
  }

  #text(ptr: number, length: number): string {
    const isUtf16 = this.#encoding === 'utf16' || (this.#encoding !== 'utf8' && length >= utf16Tag);
    const bytes = isUtf16 ? (length % utf16Tag) * 2 : length;
    if (!this.#memory.holds(ptr, bytes)) return showOutside(ptr, bytes);
    const shown = Math.min(bytes, textBytesShownMax);
    const text = isUtf16
      ? this.#memory.readUtf16(ptr, shown, shown)
      : this.#encoding === 'utf8'
        ? this.#memory.readUtf8Lossy(ptr, shown, shown)
        : this.#memory.readLatin1(ptr, shown, shown);
    return showText(text, bytes, this.#call.showsSecrets);
  }

  #scalar(type: ValueType, size: number, place: Place): string {
    if (type.kind === 'u64' || type.kind === 's64') {
      const value = 'ptr' in place ? this.#memory.readU64(place.ptr) : BigInt(flatAt(place));
      return `${type.kind === 's64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)}`;
    }
    if (type.kind === 'f32' || type.kind === 'f64') return `${this.#float(size, place)}`;
    const value = this.#number(size, place);
    switch (type.kind) {
      case 'bool':
        return `${value !== 0}`;
      case 'char':
        return value <= 0x10_ffff ? quote(String.fromCodePoint(value)) : `${value}`;
      case 'enum':
        return type.labels[value] ?? `case ${value}`;
      case 'flags': {
        const set = type.labels.filter((_, at) => ((value >>> at) & 1) === 1);
        return `{${set.join(', ')}}`;
      }
      case 's8':
      case 's16':
      case 's32': {
        const shift = 32 - size * 8;
        return `${(value << shift) >> shift}`;
      }
      case 'u8':
      case 'u16':
      case 'u32':
        return `${value}`;
      default:
        // A handle: of a resource, or of one end of a stream or a future.
        return `#${value}`;
    }
  }

  /** Without its sign. */
  #number(size: number, place: Place): number {
    if (!('ptr' in place)) {
      const value = Number(flatAt(place)) >>> 0;
      return size === 4 ? value : value % 2 ** (8 * size);
    }
    if (size === 1) return this.#memory.readU8(place.ptr);
    return size === 2 ? this.#memory.readU16(place.ptr) : this.#memory.readU32(place.ptr);
  }

  #float(size: number, place: Place): number {
    if (!('ptr' in place)) return Number(flatAt(place));
    const from = size === 4 ? 'i32' : 'i64';
    const bits = size === 4 ? this.#memory.readU32(place.ptr) : this.#memory.readU64(place.ptr);
    return Number(asType(bits, from, size === 4 ? 'f32' : 'f64'));
  }

  /** Address and length, or count, without signs. */
  #pair(place: Place): [ptr: number, length: number] {
    if ('ptr' in place) {
      return [this.#memory.readU32(place.ptr), this.#memory.readU32(place.ptr + 4)];
    }
    const second = { ...place, at: place.at + 1 };
    return [Number(flatAt(place)) >>> 0, Number(flatAt(second)) >>> 0];
  }
}

function flatAt({ flat, at }: Extract<Place, { readonly flat: unknown }>): WasmValue {
  return flat[at] ?? 0;
}

/** The bits of a core value that has served for several types, as one of these. */
function asType(value: WasmValue, from: FlatType, to: FlatType): WasmValue {
  if (from === to) return value;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
  if (to === 'f64') return bits.getFloat64(0, true);
  return to === 'f32' ? bits.getFloat32(0, true) : bits.getInt32(0, true);
}
