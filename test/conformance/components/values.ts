/** Values of the official suite's commands ↔ values as codecs have them; see `codec.ts`. */
import { isDeepStrictEqual } from 'node:util';
import { isNestedOption } from '../../../src/abi/component/codec-variants.ts';
import type { ValueType } from '../../../src/wasm/component/types.ts';

/** As `wasm-tools json-from-wast` writes it: numbers as text, floats by their bits. */
export interface SuiteValue {
  readonly type: string;
  readonly value?: unknown;
}

type Of<K extends ValueType['kind']> = Extract<ValueType, { readonly kind: K }>;

/** @throws TypeError where the value is not of that type */
export function readValue(type: ValueType, given: unknown): unknown {
  const { value } = given as SuiteValue;
  switch (type.kind) {
    case 'bool':
    case 'string':
      return value;
    case 's64':
    case 'u64':
      return BigInt(String(value));
    case 'f32':
    case 'f64':
      return readFloat(type.kind, String(value));
    case 'char':
      return String(value).codePointAt(0);
    case 'list': {
      const items = (value as readonly unknown[]).map((item) => readValue(type.element, item));
      return type.element.kind === 'u8' ? Uint8Array.from(items as number[]) : items;
    }
    case 'tuple':
      return type.items.map((item, at) => readValue(item, (value as readonly unknown[])[at]));
    case 'record':
      return readRecord(type, value as readonly (readonly [string, unknown])[]);
    case 'flags': {
      const bits = (value as readonly string[]).map((label) => 2 ** placeOf(type.labels, label));
      return bits.reduce((sum, bit) => sum + bit, 0);
    }
    case 'enum':
      return placeOf(type.labels, String(value));
    case 'variant':
    case 'option':
    case 'result':
      return readCase(type, value);
    default:
      return readInteger(type.kind, value);
  }
}

function readInteger(kind: ValueType['kind'], value: unknown): number {
  const isInteger = ['s8', 'u8', 's16', 'u16', 's32', 'u32'].includes(kind);
  if (!isInteger) throw new TypeError(`Cannot read a value of the suite: of a ${kind}`);
  return Number(value);
}

function readFloat(kind: 'f32' | 'f64', bits: string): number {
  if (bits.startsWith('nan')) return Number.NaN;
  const words = new DataView(new ArrayBuffer(8));
  if (kind === 'f64') {
    words.setBigUint64(0, BigInt(bits));
    return words.getFloat64(0);
  }
  words.setUint32(0, Number(bits));
  return words.getFloat32(0);
}

function readRecord(type: Of<'record'>, given: readonly (readonly [string, unknown])[]): unknown[] {
  const byName = new Map(given);
  return type.fields.map((field) => readValue(field.type, byName.get(field.name)));
}

function readCase(type: Of<'variant' | 'option' | 'result'>, value: unknown): unknown {
  if (type.kind === 'option') {
    const payload = value === null ? undefined : readValue(type.some, value);
    if (!isNestedOption(type)) return payload;
    return value === null ? { tag: 0, value: undefined } : { tag: 1, value: payload };
  }
  if (type.kind === 'result') {
    const [name = '', payload] = Object.entries(value as object)[0] ?? [];
    const tag = placeOf(['Ok', 'Err'], name);
    return { tag, value: readPayload(tag === 0 ? type.ok : type.error, payload) };
  }
  const { case: name, payload } = value as { readonly case: string; readonly payload?: unknown };
  const names = type.cases.map((each) => each.name);
  const tag = placeOf(names, name);
  return { tag, value: readPayload(type.cases[tag]?.type, payload) };
}

function readPayload(type: ValueType | undefined, payload: unknown): unknown {
  return type === undefined ? undefined : readValue(type, payload);
}

function placeOf(labels: readonly string[], label: string): number {
  const place = labels.indexOf(label);
  if (place === -1) throw new TypeError(`Cannot read a value of the suite: no case ${label}`);
  return place;
}

/** Whether a function answered what was expected of it. */
export function isSameValue(received: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(plain(received), plain(expected));
}

/** The same without views of bytes, of which there are several kinds. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

export function describeValue(value: unknown): string {
  const text = JSON.stringify(plain(value), (_, each: unknown) =>
    typeof each === 'bigint' ? `${each}n` : Number.isNaN(each) ? 'NaN' : each,
  );
  return text ?? 'nothing';
}
