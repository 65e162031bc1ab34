/**
 * The functions of a module by index, size and name, for people: read only when something has to be
 * said about one. The `name` section is a custom section: it may be missing, or lie.
 */
import { ByteReader } from './binary/reader.ts';
import { findSection, readSections, SectionId } from './binary/sections.ts';

export interface ListedFunction {
  /** In the index space of functions: imports come first. */
  readonly index: number;
  readonly bodyBytes: number;
}

const functionNames = 1;
const functionKind = 0;
const nameCharsMax = 80;

/** Every function with a body. The module must have passed `inspectModule`. */
export function listFunctions(
  bytes: Uint8Array,
  importedFunctionCount: number,
): readonly ListedFunction[] {
  const code = findSection(readSections(bytes), SectionId.code);
  if (code === undefined) return [];
  const reader = new ByteReader(bytes, code.start, code.end);
  const count = reader.readU32();
  const functions: ListedFunction[] = [];
  for (let i = 0; i < count; i++) {
    const bodyBytes = reader.readU32();
    functions.push({ index: importedFunctionCount + i, bodyBytes });
    reader.skip(bodyBytes);
  }
  return functions;
}

/** `function 12 ("main")`, or `function 12` where the module does not name it. */
export function describeFunction(bytes: Uint8Array, index: number): string {
  const name = functionName(bytes, index)
    ?.replace(/[^\x20-\x21\x23-\x7e]/g, '?')
    .slice(0, nameCharsMax);
  return name === undefined || name === '' ? `function ${index}` : `function ${index} ("${name}")`;
}

/** The name of a function by the `name` section, else that of its export. */
function functionName(bytes: Uint8Array, index: number): string | undefined {
  try {
    return nameInSection(bytes, index) ?? exportName(bytes, index);
  } catch {
    // The section is no part of what makes a module valid: a broken one names nothing.
    return undefined;
  }
}

function nameInSection(bytes: Uint8Array, index: number): string | undefined {
  const section = readSections(bytes).findLast(
    (each) => each.id === SectionId.custom && each.name === 'name',
  );
  if (section === undefined) return undefined;
  const reader = new ByteReader(bytes, section.start, section.end);
  reader.readName();
  while (reader.pos < section.end) {
    const id = reader.readByte();
    const length = reader.readU32();
    if (id !== functionNames) {
      reader.skip(length);
      continue;
    }
    const count = reader.readU32();
    for (let i = 0; i < count; i++) {
      const named = reader.readU32();
      const name = reader.readName();
      if (named === index) return name;
    }
    return undefined;
  }
  return undefined;
}

function exportName(bytes: Uint8Array, index: number): string | undefined {
  const section = findSection(readSections(bytes), SectionId.export);
  if (section === undefined) return undefined;
  const reader = new ByteReader(bytes, section.start, section.end);
  const count = reader.readU32();
  for (let i = 0; i < count; i++) {
    const name = reader.readName();
    const kind = reader.readByte();
    if (reader.readU32() === index && kind === functionKind) return name;
  }
  return undefined;
}
