/** Modules put together byte by byte, for shapes that a text assembler does not make. */

export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return bytes;
}

export function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

export const header: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export function bytesOf(...parts: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flat());
}

const name = (text: string) => [...leb(text.length), ...new TextEncoder().encode(text)];

/** type () -> (); function 0 of it; exported as `run`. */
export const runType = section(1, [1, 0x60, 0, 0]);
export const runFunction = section(3, [1, 0]);
export const runExport = section(7, [1, ...name('run'), 0, 0]);
export const runCode = section(10, [1, 2, 0, 0x0b]);

/** The names of an import; its kind and type follow. */
export function importOf(moduleName: string, importName: string): number[] {
  return [...name(moduleName), ...name(importName)];
}

export interface ExportOptions {
  /** Of the exported function; only number 0 is there. */
  readonly index?: number;
  readonly encoding?: 'utf8' | 'latin1';
  readonly times?: number;
}

/** A module with one function that exports it under `exportName`. */
export function moduleExporting(
  exportName: string,
  options: ExportOptions = {},
): Uint8Array<ArrayBuffer> {
  const { index = 0, encoding = 'utf8', times = 1 } = options;
  const bytes = Buffer.from(exportName, encoding);
  const entry = [...leb(bytes.length), ...bytes, 0, index];
  const exports = Array.from({ length: times }, () => entry).flat();
  return bytesOf(header, runType, runFunction, section(7, [times, ...exports]), runCode);
}

/** A valid Terrarium module with many functions of some instructions each. */
export function moduleOfFunctions(count: number): Uint8Array<ArrayBuffer> {
  const instructions = Array.from({ length: 6 }, () => [0x41, 0, 0x1a]).flat();
  const body = [instructions.length + 2, 0, ...instructions, 0x0b];
  const functions: number[] = [...leb(count)];
  const code: number[] = [...leb(count)];
  for (let index = 0; index < count; index += 1) {
    functions.push(0);
    for (const byte of body) code.push(byte);
  }
  return Uint8Array.from([
    ...header,
    ...runType,
    3,
    ...leb(functions.length),
    ...iterate(functions),
    ...runExport,
    10,
    ...leb(code.length),
    ...iterate(code),
  ]);
}

function* iterate(bytes: readonly number[]): Generator<number> {
  yield* bytes;
}

/** A section that says nothing, of so many bytes and a few more. */
export function emptySection(bytes: number): Uint8Array {
  const size = bytes + 1;
  const length = [0, 7, 14, 21, 28].map(
    (shift) => ((size >>> shift) & 127) | (shift < 28 ? 128 : 0),
  );
  return Buffer.concat([Uint8Array.of(0, ...length, 0), new Uint8Array(bytes)]);
}
