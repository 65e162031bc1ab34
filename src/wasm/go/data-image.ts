/** What lies in memory 0 before any code has run, as far as constant segments say. */
import { ByteReader } from '../binary/reader.ts';
import { findSection, SectionId } from '../binary/sections.ts';
import type { ModuleShape } from '../shape.ts';

const i32Const = 0x41;
const endOp = 0x0b;
/** Active, in memory 0. */
const plainSegment = 0;

/**
 * Undefined where a segment is of another kind, or lies beyond `bytesMax`. The module must have
 * passed `inspectModule`.
 */
export function readDataImage(
  bytes: Uint8Array,
  { sections }: Pick<ModuleShape, 'sections'>,
  bytesMax: number,
): Buffer | undefined {
  const section = findSection(sections, SectionId.data);
  if (section === undefined) return undefined;
  const reader = new ByteReader(bytes, section.start, section.end);
  const count = reader.readU32();
  const segments: { readonly at: number; readonly start: number; readonly end: number }[] = [];
  let imageBytes = 0;
  for (let i = 0; i < count; i += 1) {
    if (reader.readU32() !== plainSegment || reader.readByte() !== i32Const) return undefined;
    const at = reader.readS33();
    if (reader.readByte() !== endOp) return undefined;
    const length = reader.readU32();
    const start = reader.pos;
    reader.skip(length);
    imageBytes = Math.max(imageBytes, at + length);
    if (at < 0 || imageBytes > bytesMax) return undefined;
    segments.push({ at, start, end: reader.pos });
  }
  const image = Buffer.alloc(imageBytes);
  for (const { at, start, end } of segments) image.set(bytes.subarray(start, end), at);
  return image;
}
