/** Makes the codecs of types; those of compound ones are here. */

import { noBytes } from '../../http/body.ts';
import type { FlatType, ResourceType, ValueType } from '../../wasm/component/types.ts';
import { alignTo, flatten, Layouts } from '../../wasm/component/types.ts';
import type { WasmValue } from '../abi.ts';
import type { Codec } from './codec.ts';
import { HandleCodec } from './codec-handles.ts';
import { scalarCodec } from './codec-scalars.ts';
import { isNestedOption, VariantCodec } from './codec-variants.ts';
import type { Crossing, KnownResource } from './crossing.ts';
import { endCodec } from './tasks/end-codec.ts';
import type { ElementType } from './tasks/guest-buffer.ts';
import { TypeKeys } from './tasks/type-keys.ts';
import { loadText, storeText } from './text.ts';

/**
 * What an object of JavaScript costs beside what it holds, in bytes: of memory at least, and more
 * where making it takes long. A list is taken out of a guest at a stretch, and what one call may
 * bring should keep nobody waiting for long: 17 ms at most, where it was 70.
 */
const objectBytes = 32;
const arrayBytes = 64;
const bufferBytes = 128;

/** Codecs of types, each made once. */
export class Codecs {
  readonly layouts = new Layouts();
  readonly keys: TypeKeys;
  readonly #find: (resource: ResourceType) => KnownResource;
  readonly #known = new Map<ValueType, Codec>();
  readonly #elements = new Map<number, ElementType>();

  constructor(find: (resource: ResourceType) => KnownResource) {
    this.#find = find;
    this.keys = new TypeKeys((resource) => find(resource).identity);
  }

  of(type: ValueType): Codec {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const codec = this.#make(type);
    this.#known.set(type, codec);
    return codec;
  }

  /** What a stream or a future of that type carries; the same for types that are equal. */
  element(type: ValueType | undefined): ElementType {
    const key = this.keys.of(type);
    const known = this.#elements.get(key);
    if (known !== undefined) return known;
    const element = {
      key,
      codec: type === undefined ? undefined : this.of(type),
      isByte: type?.kind === 'u8',
      isPlain: type === undefined || plainKinds.has(type.kind),
    };
    this.#elements.set(key, element);
    return element;
  }

  /** Parameters of a function as one value. */
  ofParams(types: readonly ValueType[]): Codec {
    return new RecordCodec(types.map((type) => this.of(type)));
  }

  #make(type: ValueType): Codec {
    switch (type.kind) {
      case 'record':
        return this.ofParams(type.fields.map((field) => field.type));
      case 'tuple':
        return this.ofParams(type.items);
      case 'list':
        return type.element.kind === 'u8' ? bytesCodec : this.#makeList(type.element);
      case 'variant':
      case 'option':
      case 'result':
        return this.#makeVariant(type);
      case 'string':
        return textCodec;
      case 'own':
      case 'borrow':
        return new HandleCodec(type.kind, this.#find(type.resource));
      case 'map':
        return this.#makeList({ kind: 'tuple', items: [type.key, type.value] });
      case 'stream':
      case 'future':
        return endCodec(type.kind, this.element(type.element));
      default:
        return scalarCodec(type);
    }
  }

  #makeList(element: ValueType): Codec {
    return new ListCodec(this.of(element), costOf(element));
  }

  #makeVariant(type: ValueType & { readonly kind: 'variant' | 'option' | 'result' }): Codec {
    const payloads =
      type.kind === 'variant'
        ? type.cases.map((each) => each.type)
        : type.kind === 'option'
          ? [undefined, type.some]
          : [type.ok, type.error];
    const layout = this.layouts.of(type);
    const cases = payloads.map((payload) =>
      payload === undefined ? undefined : { codec: this.of(payload), flat: flatten(payload) },
    );
    const isOption = type.kind === 'option' && !isNestedOption(type);
    const joined = flatten(type).slice(1) as readonly FlatType[];
    return new VariantCodec({ layout, cases, joined, isOption });
  }
}

/** One after another; an array of them. */
class RecordCodec implements Codec {
  readonly size: number;
  readonly align: number;
  readonly flatCount: number;
  readonly #codecs: readonly Codec[];
  /** The first, where it is one. */
  readonly #handle: HandleCodec | undefined;
  /** In memory. */
  readonly #offsets: readonly number[];
  /** Among core values. */
  readonly #places: readonly number[];

  constructor(codecs: readonly Codec[]) {
    this.#codecs = codecs;
    const [first] = codecs;
    this.#handle = first instanceof HandleCodec ? first : undefined;
    const offsets: number[] = [];
    const places: number[] = [];
    let size = 0;
    let flatCount = 0;
    for (const codec of codecs) {
      offsets.push(alignTo(size, codec.align));
      places.push(flatCount);
      size = alignTo(size, codec.align) + codec.size;
      flatCount += codec.flatCount;
    }
    this.#offsets = offsets;
    this.#places = places;
    this.align = Math.max(1, ...codecs.map(({ align }) => align));
    this.size = alignTo(size, this.align);
    this.flatCount = flatCount;
  }

  lift(crossing: Crossing, flat: readonly WasmValue[], at: number): unknown[] {
    const places = this.#places;
    const [first, second, third] = this.#codecs;
    // Nearly all functions of the host take so few.
    if (first === undefined) return [];
    const handle = this.#handle;
    const value =
      handle === undefined
        ? first.lift(crossing, flat, at)
        : handle.take(crossing, Number(flat[at]));
    if (second === undefined) return [value];
    if (third === undefined) {
      return [value, second.lift(crossing, flat, at + (places[1] ?? 0))];
    }
    const values = [value];
    for (let place = 1; place < this.#codecs.length; place += 1) {
      values.push(this.#codecs[place]?.lift(crossing, flat, at + (places[place] ?? 0)));
    }
    return values;
  }

  load(crossing: Crossing, ptr: number): unknown[] {
    const offsets = this.#offsets;
    return this.#codecs.map((codec, index) => codec.load(crossing, ptr + (offsets[index] ?? 0)));
  }

  lower(crossing: Crossing, values: readonly never[], flat: WasmValue[]): void {
    for (let place = 0; place < this.#codecs.length; place += 1) {
      this.#codecs[place]?.lower(crossing, values[place] as never, flat);
    }
  }

  store(crossing: Crossing, values: readonly never[], ptr: number): void {
    for (let place = 0; place < this.#codecs.length; place += 1) {
      const at = ptr + (this.#offsets[place] ?? 0);
      this.#codecs[place]?.store(crossing, values[place] as never, at);
    }
  }
}

/** Address and length, as two words. */
abstract class PointerCodec implements Codec {
  readonly size = 8;
  readonly align = 4;
  readonly flatCount = 2;

  protected abstract read(crossing: Crossing, ptr: number, length: number): unknown;
  /** Puts the value into the guest; its address and length. */
  protected abstract write(crossing: Crossing, value: never): readonly [number, number];

  lift(crossing: Crossing, flat: readonly WasmValue[], at: number): unknown {
    return this.read(crossing, Number(flat[at]) >>> 0, Number(flat[at + 1]) >>> 0);
  }

  load(crossing: Crossing, ptr: number): unknown {
    const { memory } = crossing;
    return this.read(crossing, memory.readU32(ptr), memory.readU32(ptr + 4));
  }

  lower(crossing: Crossing, value: never, flat: WasmValue[]): void {
    const [ptr, length] = this.write(crossing, value);
    flat.push(ptr, length);
  }

  store(crossing: Crossing, value: never, ptr: number): void {
    const [place, length] = this.write(crossing, value);
    crossing.memory.writeU32(ptr, place);
    crossing.memory.writeU32(ptr + 4, length);
  }
}

class TextCodec extends PointerCodec {
  protected read(crossing: Crossing, ptr: number, length: number): string {
    return loadText(crossing, ptr, length);
  }

  protected write(crossing: Crossing, text: string): readonly [number, number] {
    return storeText(crossing, text);
  }
}

class BytesCodec extends PointerCodec {
  protected read(crossing: Crossing, ptr: number, length: number): Uint8Array {
    if (length === 0) crossing.requireInside(ptr);
    crossing.takeBytes(length + bufferBytes);
    if (length === 0) return noBytes;
    return crossing.memory.readBytesPooled(ptr, length, length);
  }

  /** A text is written as it is: no bytes are made of it in between. */
  protected write(crossing: Crossing, bytes: Uint8Array | string): readonly [number, number] {
    const ptr = crossing.allocate(bytes.length, 1);
    if (typeof bytes === 'string') crossing.memory.writeLatin1(ptr, bytes);
    else crossing.memory.writeBytes(ptr, bytes);
    return [ptr, bytes.length];
  }
}

class ListCodec extends PointerCodec {
  readonly #element: Codec;
  readonly #costBytes: number;

  constructor(element: Codec, costBytes: number) {
    super();
    this.#element = element;
    this.#costBytes = costBytes;
  }

  protected read(crossing: Crossing, ptr: number, length: number): unknown[] {
    const { size, align } = this.#element;
    crossing.requireAligned(ptr, align);
    if (length === 0) crossing.requireInside(ptr);
    // Before anything is allocated for it.
    crossing.takeValues(length);
    crossing.takeBytes(length * (size + this.#costBytes));
    crossing.memory.requireRange(ptr, length * size);
    const items: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      items.push(this.#element.load(crossing, ptr + index * size));
    }
    return items;
  }

  protected write(crossing: Crossing, items: readonly never[]): readonly [number, number] {
    const { size, align } = this.#element;
    const ptr = crossing.allocate(items.length * size, align);
    for (let index = 0; index < items.length; index += 1) {
      this.#element.store(crossing, items[index] as never, ptr + index * size);
    }
    return [ptr, items.length];
  }
}

/** Of one value in a list, beside what strings, bytes and lists in it take when they come. */
function costOf(type: ValueType | undefined): number {
  switch (type?.kind) {
    case 'tuple':
      return type.items.reduce((bytes, item) => bytes + costOf(item), arrayBytes);
    case 'record':
      return type.fields.reduce((bytes, field) => bytes + costOf(field.type), arrayBytes);
    case 'variant':
      return objectBytes + Math.max(...type.cases.map((each) => costOf(each.type)));
    case 'option':
      return objectBytes + costOf(type.some);
    case 'result':
      return objectBytes + Math.max(costOf(type.ok), costOf(type.error));
    case 'list':
      return type.element.kind === 'u8' ? objectBytes : arrayBytes;
    case 'map':
      return arrayBytes;
    default:
      return objectBytes;
  }
}

/** Elements that an instance may pass to itself. */
const plainKinds: ReadonlySet<string> = new Set([
  ...['s8', 'u8', 's16', 'u16', 's32', 'u32', 's64', 'u64', 'f32', 'f64'],
]);

const textCodec = new TextCodec();
const bytesCodec = new BytesCodec();
