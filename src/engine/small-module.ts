/** Parts of small modules of ours, in the binary format; none has more than 127 bytes. */
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

/** Of fewer than 128 bytes, whose number is one. @throws TypeError */
export function list(bytes: readonly number[]): readonly number[] {
  if (bytes.length > 127) throw new TypeError('Cannot make a module: a part of it is too long');
  return [bytes.length, ...bytes];
}
