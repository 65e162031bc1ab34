/**
 * What made a component, as its custom sections `producers` say: its own, and those of its core
 * modules (tool-conventions, ProducersSection.md). Nobody checks them: they are words for a person.
 */
import { TerrafirmaError } from '../../errors.ts';
import { ByteReader } from '../binary/reader.ts';

const preambleBytes = 8;
const toolsMax = 20;
const sectionName = 'producers';

/** Each tool once, as `rustc 1.95.0`, in order. What is damaged is left out. */
export function listProducers(bytes: Uint8Array): readonly string[] {
  const tools = new Set<string>();
  try {
    readSections(bytes, { start: 0, end: bytes.length, isComponent: true }, tools);
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
  }
  return [...tools].slice(0, toolsMax);
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly isComponent: boolean;
}

function readSections(bytes: Uint8Array, range: Range, tools: Set<string>): void {
  const reader = new ByteReader(bytes, range.start + preambleBytes, range.end);
  while (reader.pos < reader.end && tools.size < toolsMax) {
    const id = reader.readByte();
    const length = reader.readU32();
    const start = reader.pos;
    reader.skip(length);
    if (id === 0) readCustom(new ByteReader(bytes, start, reader.pos), tools);
    if (id !== 1 || !range.isComponent) continue;
    readSections(bytes, { start, end: reader.pos, isComponent: false }, tools);
  }
}

function readCustom(reader: ByteReader, tools: Set<string>): void {
  if (reader.readName() !== sectionName) return;
  const fields = reader.readCount('fields', toolsMax);
  for (let field = 0; field < fields; field += 1) {
    reader.readName();
    const count = reader.readCount('tools', toolsMax);
    for (let tool = 0; tool < count; tool += 1) {
      tools.add(`${reader.readName()} ${reader.readName()}`.trim());
    }
  }
}
