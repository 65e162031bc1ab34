/** Parts of small modules of ours, in the binary format. */
import { Buffer } from 'node:buffer';

export const moduleHead: readonly number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...list(content)];
}

export function text(value: string): readonly number[] {
  return list([...Buffer.from(value)]);
}

/** What traces call the module. */
export function nameSection(name: string): readonly number[] {
  return section(0, [...text('name'), 0, ...list(text(name))]);
}

/** Bytes, behind their number. */
export function list(bytes: readonly number[]): readonly number[] {
  return [...number(bytes.length), ...bytes];
}

/** Items, behind their number. */
export function vector(items: readonly (readonly number[])[]): readonly number[] {
  return [...number(items.length), ...items.flat()];
}

/** A number without a sign, up to 2^28. */
export function number(value: number): readonly number[] {
  const rest = value >>> 7;
  return rest === 0 ? [value] : [(value & 0x7f) | 0x80, ...number(rest)];
}
