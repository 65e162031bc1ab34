/** The type section, and value, table and memory types wherever they occur. */
import type { CompositeType, ValueType } from '../shape.ts';
import { type ByteReader, hexByte, refuseModule } from './reader.ts';

const numberTypes: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
]);

const packedTypes: ReadonlyMap<number, ValueType> = new Map([
  [0x78, 'i8'],
  [0x77, 'i16'],
]);

const heapTypes: ReadonlyMap<number, string> = new Map([
  [0x74, 'noexn'],
  [0x73, 'nofunc'],
  [0x72, 'noextern'],
  [0x71, 'none'],
  [0x70, 'func'],
  [0x6f, 'extern'],
  [0x6e, 'any'],
  [0x6d, 'eq'],
  [0x6c, 'i31'],
  [0x6b, 'struct'],
  [0x6a, 'array'],
  [0x69, 'exn'],
]);

const paramsMax = 1000;
const fieldsMax = 10_000;

/** What one value of a type takes in a GC object; references are pointers of the machine. */
const fieldBytes: ReadonlyMap<ValueType, number> = new Map([
  ['i8', 1],
  ['i16', 2],
  ['i32', 4],
  ['f32', 4],
  ['i64', 8],
  ['f64', 8],
  ['v128', 16],
]);
const referenceBytes = 8;
/** V8 starts a struct with its map and its hash, and aligns nothing to more than a word. */
const structHeaderBytes = 16;
const wordBytes = 8;

function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** `func` is `funcref`; the empty types `none` and `noextern` are `nullref` and `nullexternref`. */
function shorthand(heapType: string): ValueType {
  if (heapType === 'none') return 'nullref';
  return heapType.startsWith('no') ? `null${heapType.slice(2)}ref` : `${heapType}ref`;
}

export class TypeReader {
  readonly #reader: ByteReader;
  /** Concrete types named so far; checked against the count once it is known. */
  highestType = -1;
  usesConcreteReferences = false;
  usesV128 = false;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  readValueType(): ValueType {
    const offset = this.#reader.pos;
    const byte = this.#reader.readByte();
    const number = numberTypes.get(byte);
    if (number !== undefined) {
      if (byte === 0x7b) this.usesV128 = true;
      return number;
    }
    if (byte === 0x63 || byte === 0x64) {
      this.usesConcreteReferences = true;
      return `(ref ${byte === 0x63 ? 'null ' : ''}${this.#readHeapType()})`;
    }
    const heapType = heapTypes.get(byte);
    if (heapType === undefined) {
      throw refuseModule('value types must be known', hexByte(byte), offset);
    }
    return shorthand(heapType);
  }

  #readHeapType(): string {
    const offset = this.#reader.pos;
    const heapType = this.#reader.readS33();
    if (heapType >= 0) {
      this.highestType = Math.max(this.highestType, heapType);
      return String(heapType);
    }
    const name = heapTypes.get(heapType + 0x80);
    if (name === undefined) {
      throw refuseModule('heap types must be known', String(heapType), offset);
    }
    return name;
  }

  /** Appends the types of one recursion group, or of the one type that stands alone. */
  readTypeEntry(types: CompositeType[], typesMax: number): void {
    const reader = this.#reader;
    if (reader.peekByte() !== 0x4e) {
      types.push(this.#readSubType());
      return;
    }
    reader.readByte();
    const count = reader.readCount('types', typesMax);
    for (let i = 0; i < count; i++) types.push(this.#readSubType());
  }

  #readSubType(): CompositeType {
    const reader = this.#reader;
    const byte = reader.peekByte();
    if (byte === 0x50 || byte === 0x4f) {
      reader.readByte();
      const superCount = reader.readCount('supertypes', 1);
      for (let i = 0; i < superCount; i++) {
        this.highestType = Math.max(this.highestType, reader.readU32());
      }
    }
    const offset = reader.pos;
    const kind = reader.readByte();
    if (kind === 0x60) {
      return { kind: 'func', params: this.#readValueTypes(), results: this.#readValueTypes() };
    }
    if (kind === 0x5f) return this.#readStruct();
    if (kind === 0x5e) return this.#readArray();
    throw refuseModule('types must be functions, structs or arrays', hexByte(kind), offset);
  }

  #readValueTypes(): ValueType[] {
    const count = this.#reader.readCount('parameters or results', paramsMax);
    const types: ValueType[] = [];
    for (let i = 0; i < count; i++) types.push(this.readValueType());
    return types;
  }

  #readArray(): CompositeType {
    const elementStart = this.#reader.pos;
    const type = this.#readStorageType();
    const elementEnd = this.#reader.pos;
    this.#readMutability();
    const numberBytes = fieldBytes.get(type);
    return {
      kind: 'array',
      byteCount: numberBytes ?? referenceBytes,
      holdsReferences: numberBytes === undefined,
      elementStart,
      elementEnd,
    };
  }

  /** Each field aligned in its order: V8 fills gaps with later ones, and takes no more. */
  #readStruct(): CompositeType {
    const count = this.#reader.readCount('fields', fieldsMax);
    let byteCount = structHeaderBytes;
    for (let i = 0; i < count; i++) {
      const bytes = fieldBytes.get(this.#readStorageType()) ?? referenceBytes;
      this.#readMutability();
      byteCount = alignUp(byteCount, Math.min(bytes, wordBytes)) + bytes;
    }
    return { kind: 'struct', byteCount: alignUp(byteCount, wordBytes) };
  }

  #readStorageType(): ValueType {
    const packed = packedTypes.get(this.#reader.peekByte());
    if (packed === undefined) return this.readValueType();
    this.#reader.readByte();
    return packed;
  }

  #readMutability(): void {
    const offset = this.#reader.pos;
    const mutability = this.#reader.readByte();
    if (mutability > 1) {
      throw refuseModule('fields are mutable or not', hexByte(mutability), offset);
    }
  }
}

/** Limits of a memory or table: flags, minimum, and maximum where flagged. */
export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
  readonly isShared: boolean;
  readonly is64: boolean;
}

export function readLimits(reader: ByteReader): Limits {
  const offset = reader.pos;
  const flags = reader.readByte();
  if (flags > 7) throw refuseModule('limits have known flags', hexByte(flags), offset);
  const is64 = (flags & 4) !== 0;
  const min = is64 ? reader.readU64() : reader.readU32();
  const hasMax = (flags & 1) !== 0;
  const max = hasMax ? (is64 ? reader.readU64() : reader.readU32()) : undefined;
  if (max !== undefined && max < min) {
    throw refuseModule('a minimum is at most its maximum', `${min} and ${max}`, offset);
  }
  return { min, max, isShared: (flags & 2) !== 0, is64 };
}
