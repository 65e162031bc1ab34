/** The outermost layer of a module: preamble and sections, in order, ending at the last byte. */
import { ByteReader, hexByte, refuseModule } from './reader.ts';

export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** Sections other than custom ones come in this order. */
export const sectionOrder: readonly number[] = [
  SectionId.type,
  SectionId.import,
  SectionId.function,
  SectionId.table,
  SectionId.memory,
  SectionId.tag,
  SectionId.global,
  SectionId.export,
  SectionId.start,
  SectionId.element,
  SectionId.dataCount,
  SectionId.code,
  SectionId.data,
];

const preambleBytes = 8;

/** A section: where it begins (its id byte), where its contents begin, where it ends. */
export interface Section {
  readonly id: number;
  readonly offset: number;
  readonly start: number;
  readonly end: number;
  /** Name of a custom section, else empty. */
  readonly name: string;
}

/** Splits a module into sections; refuses unknown ones, wrong order and bytes left over. */
export function readSections(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes, preambleBytes);
  const sections: Section[] = [];
  let rankBefore = -1;
  while (reader.pos < reader.end) {
    const offset = reader.pos;
    const id = reader.readByte();
    const length = reader.readU32();
    const start = reader.pos;
    if (length > reader.end - start) {
      throw refuseModule(
        'sections must fit the file, which may be cut short',
        `a section of ${length} bytes where ${reader.end - start} remain`,
        offset,
      );
    }
    const end = start + length;
    if (id === SectionId.custom) {
      sections.push({ id, offset, start, end, name: new ByteReader(bytes, start, end).readName() });
    } else {
      const rank = sectionOrder.indexOf(id);
      if (rank < 0) throw refuseModule('sections must be known', `id ${hexByte(id)}`, offset);
      if (rank <= rankBefore) {
        throw refuseModule('sections come once and in order', `id ${id}`, offset);
      }
      rankBefore = rank;
      sections.push({ id, offset, start, end, name: '' });
    }
    reader.pos = end;
  }
  return sections;
}

export function findSection(sections: readonly Section[], id: number): Section | undefined {
  return sections.find((section) => section.id === id);
}
