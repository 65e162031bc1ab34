/**
 * Makes what an original module kept private reachable for tests: memory 0 and table 0 get an
 * export under a reserved name. Append-only: no index changes, and bodies are copied as they are.
 */
import { SectionId, sectionOrder } from '../../../src/wasm/binary/sections.ts';
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import { reserveName } from '../../../src/wasm/reserve.ts';
import type { ModuleShape } from '../../../src/wasm/shape.ts';

export interface ExposedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Export name of memory 0; undefined where the module has none. */
  readonly memoryExport: string | undefined;
  /** Export name of table 0; undefined where the module has none. */
  readonly tableExport: string | undefined;
}

const exportKinds = { table: 1, memory: 2 } as const;

/** The module with memory 0 and table 0 exported under names proven unused. */
export function exposePrivates(bytes: Uint8Array, shape: ModuleShape): ExposedModule {
  const taken = new Set(shape.exports.map((each) => each.name));
  const hasMemory = shape.memories.length > 0;
  const hasTable = shape.tables.length > 0;
  const memoryExport = hasMemory ? reserveName('terrafirma:memory', taken) : undefined;
  const tableExport = hasTable ? reserveName('terrafirma:table', taken) : undefined;
  const added = new ByteWriter(64);
  let addedCount = 0;
  for (const [name, kind] of [
    [memoryExport, exportKinds.memory],
    [tableExport, exportKinds.table],
  ] as const) {
    if (name === undefined) continue;
    added.writeName(name);
    added.writeByte(kind);
    added.writeU32(0);
    addedCount++;
  }
  return { bytes: appendExports(bytes, shape, { added, addedCount }), memoryExport, tableExport };
}

function appendExports(
  bytes: Uint8Array,
  shape: ModuleShape,
  addition: { readonly added: ByteWriter; readonly addedCount: number },
): Uint8Array<ArrayBuffer> {
  const { added, addedCount } = addition;
  if (addedCount === 0) return Uint8Array.from(bytes);
  const section = shape.sections.find((each) => each.id === SectionId.export);
  const contents = new ByteWriter(1024);
  contents.writeU32(shape.exports.length + addedCount);
  if (section !== undefined) {
    const entriesStart = skipCount(bytes, section.start);
    contents.copyRange(bytes, entriesStart, section.end);
  }
  contents.writeBytes(added.view());
  const at = section?.offset ?? findPlace(bytes, shape);
  const out = new ByteWriter(bytes.length + contents.length + 16);
  out.copyRange(bytes, 0, at);
  out.writeSection(SectionId.export, contents);
  out.copyRange(bytes, section?.end ?? at, bytes.length);
  return out.finish();
}

/** Offset behind the LEB128 count at `start`. */
function skipCount(bytes: Uint8Array, start: number): number {
  let pos = start;
  while ((bytes[pos] ?? 0) >= 0x80) pos++;
  return pos + 1;
}

/** Offset where an export section belongs in a module that has none. */
function findPlace(bytes: Uint8Array, shape: ModuleShape): number {
  const exportRank = sectionOrder.indexOf(SectionId.export);
  const after = shape.sections.find(
    (section) => section.id !== SectionId.custom && sectionOrder.indexOf(section.id) > exportRank,
  );
  return after?.offset ?? bytes.length;
}
