/** Decodes every section but the code inside bodies into a `ModuleShape` without features. */
import type {
  CompositeType,
  DataShape,
  ElementShape,
  ExternKind,
  FuncType,
  GlobalShape,
  MemoryShape,
  ModuleExport,
  ModuleImport,
  ModuleLimits,
  SegmentMode,
  TableShape,
} from '../shape.ts';
import { InstructionCursor } from './cursor.ts';
import { gcBase, Op } from './opcodes.ts';
import { hexByte, refuseModule } from './reader.ts';
import { type Section, SectionId } from './sections.ts';
import { readLimits, TypeReader } from './types.ts';

const externKinds: readonly ExternKind[] = ['func', 'table', 'memory', 'global', 'tag'];

/** Everything the sections say, filled section by section. */
export class ModuleDecoder {
  readonly types: CompositeType[] = [];
  readonly imports: ModuleImport[] = [];
  readonly exports: ModuleExport[] = [];
  readonly functionTypes: number[] = [];
  readonly memories: MemoryShape[] = [];
  readonly tables: TableShape[] = [];
  readonly globals: GlobalShape[] = [];
  readonly tags: number[] = [];
  readonly elements: ElementShape[] = [];
  readonly data: DataShape[] = [];
  importedFunctionCount = 0;
  start: number | undefined;
  bodies = new Uint32Array(0);
  usesExtendedConst = false;
  usesConcreteReferences = false;
  usesV128 = false;
  readonly #bytes: Uint8Array;
  readonly #limits: ModuleLimits;
  #cursor: InstructionCursor;
  #typeReader: TypeReader;

  constructor(bytes: Uint8Array, limits: ModuleLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#cursor = new InstructionCursor(bytes, 0, 0);
    this.#typeReader = new TypeReader(this.#cursor);
  }

  /** Decodes one section completely; bytes left over in it are refused. */
  decode(section: Section): void {
    this.#cursor = new InstructionCursor(this.#bytes, section.start, section.end);
    this.#typeReader = new TypeReader(this.#cursor);
    this.#decodeContents(section.id);
    this.usesConcreteReferences ||= this.#typeReader.usesConcreteReferences;
    this.usesV128 ||= this.#typeReader.usesV128;
    if (this.#typeReader.highestType >= this.types.length) {
      throw refuseModule('types must exist', `type ${this.#typeReader.highestType}`, section.start);
    }
    if (this.#cursor.pos !== section.end) {
      const received = `${section.end - this.#cursor.pos} bytes more`;
      throw refuseModule('a section ends with its last entry', received, this.#cursor.pos);
    }
  }

  #decodeContents(id: number): void {
    if (id === SectionId.start)
      this.start = this.#readIndex('functions', this.functionTypes.length);
    else if (id === SectionId.dataCount) this.#cursor.readU32();
    else if (id === SectionId.code) this.#decodeCode();
    else this.#decodeEntries(id);
  }

  #decodeEntries(id: number): void {
    const entry = this.#entryOf(id);
    const count = this.#cursor.readCount(entry.what, entry.countMax);
    for (let i = 0; i < count; i++) entry.decodeOne();
  }

  #entryOf(id: number): { what: string; countMax: number; decodeOne: () => void } {
    const limits = this.#limits;
    const entry = (what: string, countMax: number, decodeOne: () => void) => {
      return { what, countMax, decodeOne };
    };
    switch (id) {
      case SectionId.type:
        return entry('types', limits.typesMax, () => this.#decodeType());
      case SectionId.import:
        return entry('imports', limits.importsMax, () => this.#decodeImport());
      case SectionId.function:
        return entry('functions', limits.functionsMax, () => this.#decodeFunction());
      case SectionId.table:
        return entry('tables', limits.tablesMax, () => this.#decodeTable(false));
      case SectionId.memory:
        return entry('memories', limits.memoriesMax, () => this.#decodeMemory(false));
      case SectionId.tag:
        return entry('tags', limits.globalsMax, () => this.#decodeTag());
      case SectionId.global:
        return entry('globals', limits.globalsMax, () => this.#decodeGlobal(false));
      case SectionId.export:
        return entry('exports', limits.exportsMax, () => this.#decodeExport());
      case SectionId.element:
        return entry('segments', limits.segmentsMax, () => this.#decodeElement());
      default:
        return entry('segments', limits.segmentsMax, () => this.#decodeData());
    }
  }

  #decodeFunction(): void {
    this.functionTypes.push(this.#readFuncTypeIndex());
  }

  #decodeType(): void {
    const offset = this.#cursor.pos;
    this.#typeReader.readTypeEntry(this.types, this.#limits.typesMax);
    if (this.types.length > this.#limits.typesMax) {
      const rule = `at most ${this.#limits.typesMax} types are allowed`;
      throw refuseModule(rule, String(this.types.length), offset);
    }
  }

  #readIndex(what: string, count: number): number {
    const offset = this.#cursor.pos;
    const index = this.#cursor.readU32();
    if (index >= count) throw refuseModule(`${what} must exist`, `number ${index}`, offset);
    return index;
  }

  #readFuncTypeIndex(): number {
    const offset = this.#cursor.pos;
    const index = this.#readIndex('types', this.types.length);
    if (this.types[index]?.kind !== 'func') {
      throw refuseModule('functions and tags have function types', `type ${index}`, offset);
    }
    return index;
  }

  #funcType(functionIndex: number): FuncType | undefined {
    const type = this.types[this.functionTypes[functionIndex] ?? -1];
    return type?.kind === 'func' ? type : undefined;
  }

  #readExternKind(): ExternKind {
    const offset = this.#cursor.pos;
    const byte = this.#cursor.readByte();
    const kind = externKinds[byte];
    if (kind === undefined) {
      throw refuseModule('kinds of imports and exports must be known', hexByte(byte), offset);
    }
    return kind;
  }

  #decodeImport(): void {
    const module = this.#cursor.readName();
    const name = this.#cursor.readName();
    const kind = this.#readExternKind();
    const index = this.#countOf(kind);
    if (kind === 'func') {
      this.functionTypes.push(this.#readFuncTypeIndex());
      this.importedFunctionCount++;
      const type = this.#funcType(index);
      this.imports.push(
        type === undefined ? { module, name, kind, index } : { module, name, kind, index, type },
      );
      return;
    }
    if (kind === 'table') this.#decodeTable(true);
    else if (kind === 'memory') this.#decodeMemory(true);
    else if (kind === 'global') this.#decodeGlobal(true);
    else this.#decodeTag();
    this.imports.push({ module, name, kind, index });
  }

  #countOf(kind: ExternKind): number {
    if (kind === 'func') return this.functionTypes.length;
    if (kind === 'table') return this.tables.length;
    if (kind === 'memory') return this.memories.length;
    return kind === 'global' ? this.globals.length : this.tags.length;
  }

  #decodeExport(): void {
    const name = this.#cursor.readName();
    const kind = this.#readExternKind();
    const index = this.#readIndex(`exported ${kind}s`, this.#countOf(kind));
    const type = kind === 'func' ? this.#funcType(index) : undefined;
    this.exports.push(type === undefined ? { name, kind, index } : { name, kind, index, type });
  }

  #decodeTable(isImported: boolean): void {
    const hasInitial = !isImported && this.#cursor.peekByte() === 0x40;
    if (hasInitial) this.#cursor.skip(2);
    const typeStart = this.#cursor.pos;
    const type = this.#typeReader.readValueType();
    const typeEnd = this.#cursor.pos;
    const { min, max, is64 } = readLimits(this.#cursor);
    this.tables.push({
      type,
      entriesMin: min,
      entriesMax: max,
      is64,
      isImported,
      allocates: hasInitial && this.#skipConstant(),
      typeStart,
      typeEnd,
    });
  }

  #decodeMemory(isImported: boolean): void {
    const limitsStart = this.#cursor.pos;
    const { min, max, isShared, is64 } = readLimits(this.#cursor);
    this.memories.push({
      pagesMin: min,
      pagesMax: max,
      isShared,
      is64,
      isImported,
      limitsStart,
      limitsEnd: this.#cursor.pos,
    });
  }

  #decodeTag(): void {
    const offset = this.#cursor.pos;
    const attribute = this.#cursor.readByte();
    if (attribute !== 0) throw refuseModule('tags are exceptions', hexByte(attribute), offset);
    this.tags.push(this.#readFuncTypeIndex());
  }

  #decodeGlobal(isImported: boolean): void {
    const typeStart = this.#cursor.pos;
    const type = this.#typeReader.readValueType();
    const typeEnd = this.#cursor.pos;
    const mutability = this.#cursor.readByte();
    if (mutability > 1) {
      throw refuseModule('globals are mutable or not', hexByte(mutability), typeEnd);
    }
    const allocates = !isImported && this.#skipConstant();
    this.globals.push({
      type,
      isMutable: mutability === 1,
      isImported,
      allocates,
      typeStart,
      typeEnd,
    });
  }

  /** Passes over a constant expression; answers whether it allocates a GC object. */
  #skipConstant(): boolean {
    const cursor = this.#cursor;
    let allocates = false;
    while (cursor.next()) {
      const { op } = cursor;
      if (op === Op.end) return allocates;
      if (op >= gcBase && op <= Op.arrayNewFixed) allocates = true;
      if (op >= 0x6a && op <= 0x7e) this.usesExtendedConst = true;
      if (op === Op.globalGet && cursor.a >= this.globals.length) {
        throw refuseModule('globals must exist', `number ${cursor.a}`, cursor.at);
      }
      if (op === Op.refFunc && cursor.a >= this.functionTypes.length) {
        throw refuseModule('functions must exist', `number ${cursor.a}`, cursor.at);
      }
    }
    throw refuseModule('a constant ends with end', 'the end of the section', cursor.pos);
  }

  #decodeElement(): void {
    const cursor = this.#cursor;
    const offset = cursor.pos;
    const flags = cursor.readU32();
    if (flags > 7) throw refuseModule('segments have known flags', `${flags}`, offset);
    const mode: SegmentMode = (flags & 1) === 0 ? 'active' : flags & 2 ? 'declared' : 'passive';
    if (mode === 'active') {
      if (flags & 2) this.#readIndex('tables', this.tables.length);
      else if (this.tables.length === 0) throw refuseModule('tables must exist', 'none', offset);
      this.#skipConstant();
    }
    const hasExpressions = (flags & 4) !== 0;
    const hasType = (flags & 3) !== 0;
    let type = 'funcref';
    if (hasType && hasExpressions) type = this.#typeReader.readValueType();
    else if (hasType) cursor.readByte();
    const entryCount = cursor.readCount('entries', this.#limits.moduleBytesMax);
    let allocates = false;
    for (let i = 0; i < entryCount; i++) {
      if (hasExpressions) allocates = this.#skipConstant() || allocates;
      else this.#readIndex('functions', this.functionTypes.length);
    }
    this.elements.push({ mode, type, entryCount, allocates });
  }

  #decodeCode(): void {
    const cursor = this.#cursor;
    const count = cursor.readCount('functions', this.#limits.functionsMax);
    const expected = this.functionTypes.length - this.importedFunctionCount;
    if (count !== expected) {
      throw refuseModule(`${expected} declared functions need a body`, `${count}`, cursor.pos);
    }
    this.bodies = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      const byteCount = cursor.readU32();
      this.bodies[i * 2] = cursor.pos;
      cursor.skip(byteCount);
      this.bodies[i * 2 + 1] = cursor.pos;
    }
  }

  #decodeData(): void {
    const cursor = this.#cursor;
    const offset = cursor.pos;
    const flags = cursor.readU32();
    if (flags > 2) throw refuseModule('segments have known flags', `${flags}`, offset);
    if (flags === 2) this.#readIndex('memories', this.memories.length);
    if (flags === 0 && this.memories.length === 0) {
      throw refuseModule('memories must exist', 'none', offset);
    }
    if (flags !== 1) this.#skipConstant();
    const byteCount = cursor.readU32();
    cursor.skip(byteCount);
    this.data.push({ mode: flags === 1 ? 'passive' : 'active', byteCount });
  }
}
