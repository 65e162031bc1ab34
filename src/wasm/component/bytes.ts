/** Parts that all sections of a component have: names, sorts, references to types. */
import { type ByteReader, hexByte } from '../binary/reader.ts';
import type { Counts } from './counts.ts';
import type { CoreSort, DeclaredName, Reference, Sort, ValueReference } from './definitions.ts';
import { quoteName, refuseComponent } from './limits.ts';
import { parseExternName } from './names.ts';
import type { Primitive } from './types.ts';

const coreSorts: ReadonlyMap<number, CoreSort> = new Map([
  [0x00, 'func'],
  [0x01, 'table'],
  [0x02, 'memory'],
  [0x03, 'global'],
  [0x04, 'tag'],
  [0x10, 'type'],
  [0x11, 'module'],
  [0x12, 'instance'],
]);

const sorts: ReadonlyMap<number, Sort> = new Map([
  [0x01, 'func'],
  [0x02, 'value'],
  [0x03, 'type'],
  [0x04, 'component'],
  [0x05, 'instance'],
]);

const primitiveTypes: ReadonlyMap<number, Primitive> = new Map([
  [0x7f, 'bool'],
  [0x7e, 's8'],
  [0x7d, 'u8'],
  [0x7c, 's16'],
  [0x7b, 'u16'],
  [0x7a, 's32'],
  [0x79, 'u32'],
  [0x78, 's64'],
  [0x77, 'u64'],
  [0x76, 'f32'],
  [0x75, 'f64'],
  [0x74, 'char'],
  [0x73, 'string'],
]);

export function primitiveOf(byte: number): Primitive | undefined {
  return primitiveTypes.get(byte);
}

/** A byte that begins nothing known. */
export function unknownByte(what: string, byte: number, offset: number): Error {
  return refuseComponent(`${what} must be known`, hexByte(byte), offset);
}

export class ComponentReader {
  readonly reader: ByteReader;
  readonly counts: Counts;

  constructor(reader: ByteReader, counts: Counts) {
    this.reader = reader;
    this.counts = counts;
  }

  /** As many of what `readOne` reads as a count before them says. */
  list<T>(what: string, readOne: () => T, countMax = this.counts.limits.membersMax): T[] {
    const count = this.reader.readCount(what, countMax);
    return Array.from({ length: count }, readOne);
  }

  optional<T>(readOne: () => T): T | undefined {
    return this.flag('an optional part') ? readOne() : undefined;
  }

  /** A byte that is 0 or 1. */
  flag(what: string): boolean {
    const offset = this.reader.pos;
    const byte = this.reader.readByte();
    if (byte > 1) throw unknownByte(what, byte, offset);
    return byte === 1;
  }

  /** Any UTF-8. */
  name(): string {
    const { reader } = this;
    const start = reader.pos;
    // Its length goes before it, and is not the name's.
    const length = reader.readU32();
    this.counts.countName(length, start);
    reader.pos = start;
    return reader.readName();
  }

  /** The name of an import or export, and its attributes. */
  declaredName(): DeclaredName {
    const offset = this.reader.pos;
    const form = this.reader.readByte();
    if (form > 2) throw unknownByte('forms of names', form, offset);
    const name = this.name();
    if (form < 2) return { name, implementedInterface: undefined };
    return { name, implementedInterface: this.#readAttributes() };
  }

  #readAttributes(): string | undefined {
    const seen = new Set<number>();
    let implementedInterface: string | undefined;
    this.list('attributes', () => {
      const offset = this.reader.pos;
      const attribute = this.reader.readByte();
      if (attribute > 2) throw unknownByte('attributes of names', attribute, offset);
      if (attribute === 1) {
        throw refuseComponent('names have their version in them', 'a version suffix', offset);
      }
      if (seen.has(attribute)) throw refuseComponent('attributes come once', 'two', offset);
      seen.add(attribute);
      const value = this.name();
      if (attribute === 0) implementedInterface = value;
    });
    return implementedInterface;
  }

  coreSort(): CoreSort {
    const offset = this.reader.pos;
    const byte = this.reader.readByte();
    const sort = coreSorts.get(byte);
    if (sort === undefined) throw unknownByte('core sorts', byte, offset);
    return sort;
  }

  sort(): Sort {
    const offset = this.reader.pos;
    if (this.reader.peekByte() === 0) {
      this.reader.readByte();
      return `core ${this.coreSort()}`;
    }
    const byte = this.reader.readByte();
    const sort = sorts.get(byte);
    if (sort === undefined) throw unknownByte('sorts', byte, offset);
    if (sort === 'value') throw refuseComponent('there are no values yet', 'one', offset);
    return sort;
  }

  reference(): Reference {
    return { sort: this.sort(), index: this.reader.readU32() };
  }

  valueType(): ValueReference {
    const offset = this.reader.pos;
    const value = this.reader.readS33();
    if (value >= 0) return value;
    const primitive = primitiveTypes.get(value + 0x80);
    if (primitive !== undefined) return primitive;
    if (value + 0x80 === 0x64) throw refuseGated('error-context', offset);
    throw unknownByte('types of values', (value + 0x80) & 0xff, offset);
  }
}

/** What is in the binary format, but not among what is released. */
export function refuseGated(what: string, offset: number): Error {
  return refuseComponent('only what the component model has released is served', what, offset);
}

/** @throws TerrafirmaError `module-refused` where it is no name of an import or export */
export function requireExternName(name: string, offset: number): void {
  if (parseExternName(name) !== undefined) return;
  const rule = 'names of imports and exports are words joined by `-`, or name an interface';
  throw refuseComponent(rule, quoteName(name), offset);
}
