/** Puts the sections of the metered module together: original entries first, additions behind. */
import { ByteReader } from '../binary/reader.ts';
import { type Section, SectionId, sectionOrder } from '../binary/sections.ts';
import { ByteWriter, u32Length } from '../binary/writer.ts';
import type { ModuleShape } from '../shape.ts';
import type { Additions } from './additions.ts';
import type { CardPlan, MemoryPlan } from './contract.ts';
import type { HintSection } from './hints.ts';

export interface AssemblyContext {
  readonly bytes: Uint8Array;
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly memories: readonly MemoryPlan[];
  readonly cards: CardPlan | undefined;
  /** Rewritten bodies of the original functions, with their sizes. */
  readonly bodies: ByteWriter;
  readonly hints: HintSection;
}

type SectionWriter = (original: Section | undefined, out: ByteWriter) => void;

/** A module, and where its rewritten bodies begin. */
export interface AssembledModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly bodiesStart: number;
}

/**
 * Bodies and data are large: they are copied once, into a buffer that is made as long as the module
 * becomes, because memory that is touched first costs more than the copying.
 */
export function assembleModule(context: AssemblyContext): AssembledModule {
  const { bytes, shape, bodies, additions, hints } = context;
  const appended = new ByteWriter(4096);
  additions.writeBodies(appended);
  const head = new ByteWriter(headBytesOf(shape) + hints.length + spareBytes);
  writeHead(context, head);
  hints.write(head);
  const count = shape.bodies.length / 2 + additions.functions.count;
  head.writeByte(SectionId.code);
  head.writeU32(u32Length(count) + bodies.length + appended.length);
  head.writeU32(count);
  const names = ({ id, name }: Section): boolean => id === SectionId.custom && name === 'name';
  const data = shape.sections.filter(({ id }) => id === SectionId.data);
  const tail = [...data, ...shape.sections.filter(names).slice(0, 1)];
  const tailBytes = tail.reduce((sum, { offset, end }) => sum + (end - offset), 0);
  const out = new ByteWriter(head.length + bodies.length + appended.length + tailBytes);
  for (const part of [head, bodies, appended]) out.append(part);
  for (const { offset, end } of tail) out.copyRange(bytes, offset, end);
  return { bytes: out.finish(), bodiesStart: head.length };
}

const spareBytes = 4096;

/** What stands before the code and the data of the original. */
function headBytesOf({ sections }: ModuleShape): number {
  const large = sections.find(({ id }) => id === SectionId.code || id === SectionId.data);
  return large?.offset ?? sections.at(-1)?.end ?? 0;
}

/** All sections before the code. */
function writeHead(context: AssemblyContext, out: ByteWriter): void {
  const { bytes, shape } = context;
  out.copyRange(bytes, 0, 8);
  const writers = sectionWriters(context);
  for (const id of sectionOrder) {
    if (id === SectionId.code) return;
    const original = shape.sections.find((section) => section.id === id);
    const writer = writers.get(id);
    if (writer !== undefined) writer(original, out);
    else if (original !== undefined) out.copyRange(bytes, original.offset, original.end);
  }
}

function sectionWriters(context: AssemblyContext): ReadonlyMap<number, SectionWriter> {
  const { bytes, additions } = context;
  const append = (id: number, addition: { count: number; entries: ByteWriter }): SectionWriter => {
    return (original, out) => appendSection(bytes, out, { id, original, addition });
  };
  const omit: SectionWriter = () => undefined;
  return new Map<number, SectionWriter>([
    [SectionId.type, append(SectionId.type, additions.types)],
    [SectionId.import, (_, out) => writeImports(context, out)],
    [SectionId.function, append(SectionId.function, additions.functions)],
    [SectionId.table, append(SectionId.table, additions.tables)],
    [SectionId.memory, omit],
    [SectionId.global, append(SectionId.global, additions.globals)],
    [SectionId.export, append(SectionId.export, additions.exports)],
    [SectionId.start, omit],
  ]);
}

function appendSection(
  bytes: Uint8Array,
  out: ByteWriter,
  part: {
    readonly id: number;
    readonly original: Section | undefined;
    readonly addition: { readonly count: number; readonly entries: ByteWriter };
  },
): void {
  const { original, addition } = part;
  const contents = new ByteWriter(1024);
  if (original === undefined) contents.writeU32(addition.count);
  else {
    // The count is read, not taken from the shape: of types it counts recursion groups.
    const reader = new ByteReader(bytes, original.start, original.end);
    contents.writeU32(reader.readU32() + addition.count);
    contents.copyRange(bytes, reader.pos, original.end);
  }
  contents.writeBytes(addition.entries.view());
  out.writeSection(part.id, contents);
}

function writeLimits(out: ByteWriter, plan: MemoryPlan): void {
  out.writeByte(plan.is64 ? 5 : 1);
  out.writeU32(plan.pagesMin);
  out.writeU32(plan.pagesMax);
}

/** Original imports, memories with new limits; then the defined memories; then the cards. */
function writeImports(context: AssemblyContext, out: ByteWriter): void {
  const { bytes, shape, memories, cards } = context;
  const contents = new ByteWriter(4096);
  const defined = memories.filter((plan) => !plan.isOriginalImport);
  const addedCount = defined.length + (cards === undefined ? 0 : 1);
  contents.writeU32(shape.imports.length + addedCount);
  const section = shape.sections.find((each) => each.id === SectionId.import);
  if (section !== undefined) {
    const reader = new ByteReader(bytes, section.start, section.end);
    reader.readU32();
    let at = reader.pos;
    for (const [i, plan] of memories.entries()) {
      const limits = shape.memories[i];
      if (!plan.isOriginalImport || limits === undefined) continue;
      contents.copyRange(bytes, at, limits.limitsStart);
      writeLimits(contents, plan);
      at = limits.limitsEnd;
    }
    contents.copyRange(bytes, at, section.end);
  }
  for (const plan of defined) {
    contents.writeName(plan.module);
    contents.writeName(plan.name);
    contents.writeByte(2);
    writeLimits(contents, plan);
  }
  if (cards !== undefined) {
    contents.writeName(cards.module);
    contents.writeName(cards.name);
    contents.writeBytes([2, 1]);
    contents.writeU32(cards.pages);
    contents.writeU32(cards.pages);
  }
  if (shape.imports.length + addedCount > 0) out.writeSection(SectionId.import, contents);
}
