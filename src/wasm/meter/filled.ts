/** Which bytes of a module's memories its data segments fill before any code has run. */
import { ByteReader } from '../binary/reader.ts';
import { findSection, SectionId } from '../binary/sections.ts';
import type { ModuleShape } from '../shape.ts';
import type { FilledBytes } from './contract.ts';

const i32Const = 0x41;
const endOp = 0x0b;
const segmentKind = { active: 0, passive: 1, activeInMemory: 2 };
const nothing: FilledBytes = { from: 0, to: 0 };

/**
 * For each memory where the segments lie that are copied into it; undefined for all where a place
 * is no plain number. The module must have passed `inspectModule`.
 */
export function filledBytesOf(
  bytes: Uint8Array,
  { memories, sections }: Pick<ModuleShape, 'memories' | 'sections'>,
): readonly FilledBytes[] | undefined {
  const filled = memories.map(() => nothing);
  const section = findSection(sections, SectionId.data);
  if (section === undefined) return filled;
  const reader = new ByteReader(bytes, section.start, section.end);
  for (let left = reader.readU32(); left > 0; left -= 1) {
    const kind = reader.readU32();
    const memory = kind === segmentKind.activeInMemory ? reader.readU32() : 0;
    const isActive = kind !== segmentKind.passive;
    const from = isActive ? readPlace(reader) : 0;
    if (from === undefined) return undefined;
    const length = reader.readU32();
    reader.skip(length);
    if (isActive && length > 0) filled[memory] = join(filled[memory], { from, to: from + length });
  }
  return filled;
}

/** Undefined: the reader stands somewhere in an expression. */
function readPlace(reader: ByteReader): number | undefined {
  if (reader.readByte() !== i32Const) return undefined;
  const place = reader.readS33();
  // Beyond 2 GiB, as good compilers never have it.
  return place < 0 || reader.readByte() !== endOp ? undefined : place;
}

function join(one = nothing, other: FilledBytes): FilledBytes {
  if (one === nothing) return other;
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}
