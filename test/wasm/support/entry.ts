/** Appends a function that does nothing, exported: an entry for modules that are no programs. */
import { ByteReader } from '../../../src/wasm/binary/reader.ts';
import { SectionId, sectionOrder } from '../../../src/wasm/binary/sections.ts';
import { ByteWriter } from '../../../src/wasm/binary/writer.ts';
import type { ModuleShape } from '../../../src/wasm/shape.ts';

/** The module with the export `name`, which must be unused. Append-only: no index changes. */
export function addEntry(
  bytes: Uint8Array,
  shape: ModuleShape,
  name: string,
): Uint8Array<ArrayBuffer> {
  const added = new Map([
    [SectionId.type, entryOf((entry) => entry.writeBytes([0x60, 0, 0]))],
    [SectionId.function, entryOf((entry) => entry.writeU32(shape.types.length))],
    [
      SectionId.export,
      entryOf((entry) => {
        entry.writeName(name);
        entry.writeByte(0);
        entry.writeU32(shape.functionTypes.length);
      }),
    ],
    [SectionId.code, entryOf((entry) => entry.writeBytes([2, 0, 0x0b]))],
  ]) as ReadonlyMap<number, ByteWriter>;
  const out = new ByteWriter(bytes.length + 64);
  out.copyRange(bytes, 0, 8);
  for (const id of sectionOrder) {
    const original = shape.sections.find((section) => section.id === id);
    const entry = added.get(id);
    if (entry === undefined) {
      if (original !== undefined) out.copyRange(bytes, original.offset, original.end);
      continue;
    }
    const contents = new ByteWriter(64);
    const { start = 0, end = 0 } = original ?? {};
    const reader = new ByteReader(bytes, start, end);
    contents.writeU32((original === undefined ? 0 : reader.readU32()) + 1);
    contents.copyRange(bytes, reader.pos, end);
    contents.append(entry);
    out.writeSection(id, contents);
  }
  return out.finish();
}

function entryOf(write: (entry: ByteWriter) => void): ByteWriter {
  const entry = new ByteWriter(64);
  write(entry);
  return entry;
}
