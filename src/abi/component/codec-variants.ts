/** Variants, options and results: which case, and its payload. */
import type { FlatType, Layout, ValueType } from '../../wasm/component/types.ts';
import { alignTo, discriminantBytes } from '../../wasm/component/types.ts';
import type { WasmValue } from '../abi.ts';
import type { Codec } from './codec.ts';
import type { Crossing } from './crossing.ts';

export interface Variant<T = unknown> {
  readonly tag: number;
  readonly value: T;
}

interface Case {
  readonly codec: Codec;
  readonly flat: readonly FlatType[];
}

interface KnownCase extends Case {
  /** Whether its core values have the types that all payloads have in common. */
  readonly isAsJoined: boolean;
}

export interface VariantOptions {
  readonly layout: Layout;
  readonly cases: readonly (Case | undefined)[];
  /** The core values that all payloads have in common. */
  readonly joined: readonly FlatType[];
  /** The second case stands for itself, the first is undefined. */
  readonly isOption: boolean;
}

export class VariantCodec implements Codec {
  readonly size: number;
  readonly align: number;
  readonly flatCount: number;
  readonly #cases: readonly (KnownCase | undefined)[];
  readonly #joined: readonly FlatType[];
  readonly #isOption: boolean;
  readonly #tagBytes: number;
  readonly #payloadAt: number;

  constructor({ layout, cases, joined, isOption }: VariantOptions) {
    this.size = layout.size;
    this.align = layout.align;
    this.flatCount = layout.flatCount;
    this.#cases = cases.map(
      (each) => each && { ...each, isAsJoined: each.flat.every((type, at) => type === joined[at]) },
    );
    this.#joined = joined;
    this.#isOption = isOption;
    this.#tagBytes = discriminantBytes(cases.length);
    const payloadAlign = Math.max(1, ...cases.map((each) => each?.codec.align ?? 1));
    this.#payloadAt = alignTo(this.#tagBytes, payloadAlign);
  }

  lift(crossing: Crossing, flat: readonly WasmValue[], at: number): unknown {
    const tag = Number(flat[at]) >>> 0;
    const payload = this.#caseOf(crossing, tag);
    if (payload === undefined) return this.#present(tag, undefined);
    if (payload.isAsJoined) return this.#present(tag, payload.codec.lift(crossing, flat, at + 1));
    const own = payload.flat.map((type, place) =>
      narrow(flat[at + 1 + place] ?? 0, { from: this.#joined[place] ?? type, to: type }),
    );
    return this.#present(tag, payload.codec.lift(crossing, own, 0));
  }

  load(crossing: Crossing, ptr: number): unknown {
    const tag = this.#loadTag(crossing, ptr);
    const payload = this.#caseOf(crossing, tag);
    const value = payload?.codec.load(crossing, ptr + this.#payloadAt);
    return this.#present(tag, value);
  }

  lower(crossing: Crossing, value: never, flat: WasmValue[]): void {
    const { tag, value: inner } = this.#take(value);
    flat.push(tag);
    const payload = this.#cases[tag];
    const own: WasmValue[] = [];
    payload?.codec.lower(crossing, inner as never, own);
    for (const [place, type] of this.#joined.entries()) {
      const from = payload?.flat[place];
      const given = own[place];
      if (from === undefined || given === undefined) flat.push(type === 'i64' ? 0n : 0);
      else flat.push(widen(given, { from, to: type }));
    }
  }

  store(crossing: Crossing, value: never, ptr: number): void {
    const { tag, value: inner } = this.#take(value);
    const { memory } = crossing;
    if (this.#tagBytes === 1) memory.writeU8(ptr, tag);
    else if (this.#tagBytes === 2) memory.writeU16(ptr, tag);
    else memory.writeU32(ptr, tag);
    this.#cases[tag]?.codec.store(crossing, inner as never, ptr + this.#payloadAt);
  }

  #loadTag({ memory }: Crossing, ptr: number): number {
    if (this.#tagBytes === 1) return memory.readU8(ptr);
    return this.#tagBytes === 2 ? memory.readU16(ptr) : memory.readU32(ptr);
  }

  #caseOf(crossing: Crossing, tag: number): KnownCase | undefined {
    if (tag < this.#cases.length) return this.#cases[tag];
    const rule = `one of ${this.#cases.length} cases`;
    return crossing.trap(`Cannot take a value: ${rule}: received ${tag}`);
  }

  #present(tag: number, value: unknown): unknown {
    if (this.#isOption) return tag === 0 ? undefined : value;
    return { tag, value } satisfies Variant;
  }

  #take(value: unknown): Variant {
    if (!this.#isOption) return value as Variant;
    return { tag: value === undefined ? 0 : 1, value };
  }
}

interface Change {
  readonly from: FlatType;
  readonly to: FlatType;
}

const words = new DataView(new ArrayBuffer(8));

/** An option in an option is a variant like others: there, no value is not the same as none. */
export function isNestedOption(type: Extract<ValueType, { readonly kind: 'option' }>): boolean {
  return type.some.kind === 'option';
}

/** A core value of a payload, out of one that serves several. */
function narrow(value: WasmValue, { from, to }: Change): WasmValue {
  if (from === to) return value;
  words.setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
  if (to === 'f64') return words.getFloat64(0, true);
  return to === 'f32' ? words.getFloat32(0, true) : words.getInt32(0, true);
}

function widen(value: WasmValue, { from, to }: Change): WasmValue {
  if (from === to) return value;
  words.setBigUint64(0, 0n, true);
  if (from === 'f64') words.setFloat64(0, Number(value), true);
  else if (from === 'f32') words.setFloat32(0, Number(value), true);
  else words.setInt32(0, Number(value), true);
  return to === 'i64' ? words.getBigInt64(0, true) : words.getInt32(0, true);
}
