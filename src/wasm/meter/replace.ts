/**
 * Instructions that are replaced or get company: memory and table growth, bulk operations,
 * dropped segments, GC allocation, and stores that mark cards. Every index is checked against the
 * ORIGINAL index spaces: without that, code naming one global too many would reach the fuel.
 */
import type { InstructionCursor } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { refuseModule } from '../binary/reader.ts';
import type { ArrayType, ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import type { Arrays } from './arrays.ts';
import type { Bulk } from './bulk.ts';
import { type CardMarking, writeCardMark } from './cards.ts';
import type { Charges } from './charges.ts';
import type { Emitter } from './emitter.ts';
import { chargedBytes } from './exceptions.ts';
import type { Grow } from './grow.ts';
import { Group } from './weights.ts';

/** What V8 keeps for a function that is referred to: 80 were measured, and 208 in a table. */
const functionReferenceBytes = 80;
const functionEntryBytes = 208;
/** Of an array: its map, hash and length, and what rounding up to words may add. */
const arrayHeaderBytes = 24;
const roundingBytes = 7;

export interface ReplaceContext {
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly charges: Charges;
  readonly bulk: Bulk;
  readonly arrays: Arrays;
  readonly grow: Grow;
  /** Undefined where stores are not marked. */
  readonly marking: CardMarking | undefined;
}

export class Replacer {
  readonly #context: ReplaceContext;
  /** Tables whose entries the guest may change. */
  readonly changedTables = new Set<number>();

  constructor(context: ReplaceContext) {
    this.#context = context;
  }

  /** How stores are marked, where they are. */
  get marking(): CardMarking | undefined {
    return this.#context.marking;
  }

  replace(group: number, cursor: InstructionCursor, emitter: Emitter): void {
    if (group === Group.load) this.#require('memories', cursor, cursor.a);
    else if (group === Group.store) this.#store(cursor, emitter);
    else if (group === Group.indexed) this.#indexed(cursor);
    else if (group === Group.gc) this.#gc(cursor, emitter);
    else if (group === Group.bulk) this.#bulk(cursor, emitter);
    else throw refuseModule('guests have no threads', 'an atomic instruction', cursor.at);
  }

  #require(what: keyof typeof countOf, cursor: InstructionCursor, index: number): void {
    if (index >= countOf[what](this.#context.shape)) {
      throw refuseModule(`${what} must exist`, `number ${index}`, cursor.at);
    }
  }

  /** Checks the indices of a call. */
  checkCall(cursor: InstructionCursor): void {
    const { op } = cursor;
    if (op === Op.call || op === Op.returnCall) {
      this.#require('functions', cursor, cursor.a);
      return;
    }
    this.#require('types', cursor, cursor.a);
    if (op === Op.callIndirect || op === Op.returnCallIndirect) {
      this.#require('tables', cursor, cursor.b);
    }
  }

  checkTypes(cursor: InstructionCursor): void {
    for (const type of cursor.types) this.#require('types', cursor, type);
  }

  checkTag(cursor: InstructionCursor, tag: number): void {
    this.#require('tags', cursor, tag);
  }

  #indexed(cursor: InstructionCursor): void {
    const { op } = cursor;
    if (op === Op.globalGet || op === Op.globalSet) this.#require('globals', cursor, cursor.a);
    else if (op === Op.tableGet) this.#require('tables', cursor, cursor.a);
    else if (op === Op.refFunc) this.#require('functions', cursor, cursor.a);
    else this.checkTypes(cursor);
  }

  #store(cursor: InstructionCursor, emitter: Emitter): void {
    this.#require('memories', cursor, cursor.a);
    const { marking } = this.#context;
    if (marking === undefined) return;
    if (cursor.a === 0) writeCardMark(cursor, emitter, marking);
    marking.locals.note(cursor.op, 0);
  }

  #call(emitter: Emitter, functionIndex: number): void {
    emitter.indexed(0x10, functionIndex);
  }

  #bulk(cursor: InstructionCursor, emitter: Emitter): void {
    const { op, a } = cursor;
    if (op === Op.memorySize || op === Op.memoryGrow) this.#memorySize(cursor, emitter);
    else if (op === Op.memoryFill || op === Op.memoryCopy || op === Op.memoryInit) {
      this.#memoryBulk(cursor, emitter);
    } else if (op === Op.dataDrop || op === Op.elemDrop) this.#drop(cursor, emitter);
    else if (op === Op.tableSize) this.#require('tables', cursor, a);
    else this.#tableChange(cursor, emitter);
  }

  #memorySize(cursor: InstructionCursor, emitter: Emitter): void {
    const { grow } = this.#context;
    this.#require('memories', cursor, cursor.a);
    emitter.copyTo(cursor.at);
    if (cursor.op === Op.memorySize) emitter.indexed(0x23, grow.sizeGlobal(cursor.a));
    else this.#call(emitter, grow.growMemory(cursor.a));
    emitter.skipTo(cursor.pos);
  }

  #memoryBulk(cursor: InstructionCursor, emitter: Emitter): void {
    const { bulk } = this.#context;
    const { op, a, b } = cursor;
    this.#require(op === Op.memoryInit ? 'data' : 'memories', cursor, a);
    if (op !== Op.memoryFill) this.#require('memories', cursor, b);
    emitter.copyTo(cursor.at);
    if (op === Op.memoryFill) this.#call(emitter, bulk.fill(a));
    else if (op === Op.memoryCopy) this.#call(emitter, bulk.copy(a, b));
    else this.#call(emitter, bulk.init(a, b));
    emitter.skipTo(cursor.pos);
  }

  /** A segment stays for the next run; a flag says that this run dropped it. */
  #drop(cursor: InstructionCursor, emitter: Emitter): void {
    const isData = cursor.op === Op.dataDrop;
    this.#require(isData ? 'data' : 'elements', cursor, cursor.a);
    emitter.copyTo(cursor.at);
    const key = `${isData ? 'data' : 'elem'}:${cursor.a}`;
    emitter.i32(1);
    emitter.indexed(0x24, this.#context.bulk.dropFlag(key));
    emitter.skipTo(cursor.pos);
  }

  #tableChange(cursor: InstructionCursor, emitter: Emitter): void {
    const { op, a, b } = cursor;
    const { charges, grow, bulk, shape } = this.#context;
    const table = op === Op.tableInit ? b : a;
    this.#require('tables', cursor, table);
    this.changedTables.add(table);
    emitter.copyTo(cursor.at);
    const is64 = shape.tables[table]?.is64 === true;
    if (op === Op.tableGrow) this.#call(emitter, grow.growTable(table));
    else if (op === Op.tableFill) this.#call(emitter, charges.chargeTable(is64));
    else if (op === Op.tableInit) {
      this.#require('elements', cursor, a);
      this.#call(emitter, bulk.guard(`elem:${a}`));
      this.#call(emitter, charges.chargeTable(false));
      emitter.i32(functionEntryBytes);
      this.#call(emitter, charges.allocateMany(0));
    } else if (op === Op.tableCopy) {
      this.#require('tables', cursor, b);
      const isWide = is64 && shape.tables[b]?.is64 === true;
      this.#call(emitter, charges.chargeTable(isWide));
    }
    emitter.i32(1);
    emitter.indexed(0x24, this.tableFlag(table));
  }

  /** The flag that says that a table was changed since the capture. */
  tableFlag(table: number): number {
    return this.#context.additions.stateGlobal(`table:${table}`, Value.i32, 0);
  }

  #gc(cursor: InstructionCursor, emitter: Emitter): void {
    const { op } = cursor;
    this.#require('types', cursor, cursor.a);
    if (op === Op.arrayCopy) this.#require('types', cursor, cursor.b);
    if (op === Op.arrayNewData || op === Op.arrayInitData) this.#require('data', cursor, cursor.b);
    if (op === Op.arrayNewElem || op === Op.arrayInitElem) {
      this.#require('elements', cursor, cursor.b);
    }
    const isObject = op === Op.structNew || op === Op.structNewDefault || op === Op.arrayNewFixed;
    if (isObject) this.#newObject(cursor, emitter);
    else if (op >= Op.arrayNew && op <= Op.arrayNewElem) this.#newArray(cursor, emitter);
    else if (op >= Op.arrayFill && op <= Op.arrayInitElem) this.#arrayBulk(cursor, emitter);
  }

  #arrayType(type: number): ArrayType | undefined {
    const shaped = this.#context.shape.types[type];
    return shaped?.kind === 'array' ? shaped : undefined;
  }

  #newObject(cursor: InstructionCursor, emitter: Emitter): void {
    const { op, a, b } = cursor;
    const shaped = this.#context.shape.types[a];
    const structBytes = shaped?.kind === 'struct' ? shaped.byteCount : 0;
    const elementBytes = this.#arrayType(a)?.byteCount ?? 0;
    const arrayBytes = arrayHeaderBytes + roundingBytes + b * elementBytes;
    emitter.copyTo(cursor.at);
    emitter.i32(op === Op.arrayNewFixed ? arrayBytes : structBytes);
    this.#call(emitter, this.#context.charges.allocate());
  }

  #newArray(cursor: InstructionCursor, emitter: Emitter): void {
    const { charges } = this.#context;
    emitter.copyTo(cursor.at);
    this.#guardSegment(cursor, emitter);
    const elementBytes = this.#arrayType(cursor.a)?.byteCount ?? 0;
    const isElem = cursor.op === Op.arrayNewElem;
    emitter.i32(isElem ? elementBytes + functionReferenceBytes : elementBytes);
    this.#call(emitter, charges.allocateMany(arrayHeaderBytes + roundingBytes));
  }

  #arrayBulk(cursor: InstructionCursor, emitter: Emitter): void {
    const { op, a, b } = cursor;
    const { arrays, charges } = this.#context;
    emitter.copyTo(cursor.at);
    this.#guardSegment(cursor, emitter);
    if (op === Op.arrayInitElem) {
      emitter.i32(functionReferenceBytes);
      this.#call(emitter, charges.allocateMany(0));
    }
    if (op === Op.arrayFill) this.#call(emitter, arrays.fill(a));
    else if (op === Op.arrayCopy) this.#call(emitter, arrays.copy(a, b));
    else if (op === Op.arrayInitData) this.#call(emitter, arrays.initData(a, b));
    else this.#call(emitter, arrays.initElem(a, b));
    emitter.skipTo(cursor.pos);
  }

  #guardSegment(cursor: InstructionCursor, emitter: Emitter): void {
    const { op, b } = cursor;
    const { bulk } = this.#context;
    const isData = op === Op.arrayNewData || op === Op.arrayInitData;
    const isElem = op === Op.arrayNewElem || op === Op.arrayInitElem;
    if (isData) this.#call(emitter, bulk.guard(`data:${b}`));
    else if (isElem) this.#call(emitter, bulk.guard(`elem:${b}`));
  }

  /** A guest can hold exceptions: by reference, or in handlers, all down its stack. */
  allocateException(cursor: InstructionCursor, emitter: Emitter): void {
    if (cursor.op !== Op.throw) return;
    const { shape, charges } = this.#context;
    const bytes = chargedBytes(shape, cursor.a);
    if (bytes === 0) return;
    emitter.copyTo(cursor.at);
    emitter.i32(bytes);
    this.#call(emitter, charges.allocate());
  }
}

const countOf = {
  types: (shape: ModuleShape) => shape.types.length,
  functions: (shape: ModuleShape) => shape.functionTypes.length,
  tables: (shape: ModuleShape) => shape.tables.length,
  memories: (shape: ModuleShape) => shape.memories.length,
  globals: (shape: ModuleShape) => shape.globals.length,
  tags: (shape: ModuleShape) => shape.tags.length,
  data: (shape: ModuleShape) => shape.data.length,
  elements: (shape: ModuleShape) => shape.elements.length,
} as const;
