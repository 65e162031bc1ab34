/**
 * Walks instructions: one `next()` an instruction, its immediates left in fields. No objects are
 * made on the way, so that modules of many megabytes pass in fractions of a second.
 */

import type { LocalValues } from './local-values.ts';
import { Op, prefixBase, prefixEnd, Shape, shapeOf } from './opcodes.ts';
import { ByteReader, hexByte, refuseModule } from './reader.ts';

/** A `br_table` longer than this is refused by V8 too. */
const branchTableEntriesMax = 65_520;

/** Which instructions `pass` goes over by itself, and what it notes of them. */
export interface PassPlan {
  /** `Shape` of an instruction to pass; `Shape.unknown` where it is to stop. */
  readonly shapes: Uint8Array;
  /** What the index of an instruction must be below; else it stops there. */
  readonly bounds: Uint32Array;
  readonly weights: Uint8Array;
  /** Gets 1 for each instruction passed. */
  readonly used: Uint8Array;
  /** Hears of each instruction passed. */
  readonly locals?: LocalValues | undefined;
}

/** Instructions with a prefix, or without one of these shapes, are never passed. */
function isPassable(shape: number): boolean {
  return shape <= Shape.f64 || shape === Shape.global;
}

/** A plan that stops at the plain instructions `stopsAt` names. */
export function planPass(
  stopsAt: (op: number) => boolean,
  notes: Pick<PassPlan, 'weights' | 'used' | 'locals'>,
): PassPlan {
  const shapes = shapeOf.slice(0, 256);
  for (let op = 0; op < shapes.length; op++) {
    if (!isPassable(shapes[op] ?? Shape.unknown) || stopsAt(op)) shapes[op] = Shape.unknown;
  }
  return { ...notes, shapes, bounds: new Uint32Array(256).fill(2 ** 32 - 1) };
}

/** No passable instruction is longer. */
const passableBytesMax = 12;

/** Offset behind a LEB128 number at `at` of at most `bytesMax` bytes, or -1 for a longer one. */
function lebEnd(bytes: Uint8Array, at: number, bytesMax: number): number {
  for (let end = at + 1; end <= at + bytesMax; end++) {
    if ((bytes[end - 1] ?? 0) < 0x80) return end;
  }
  return -1;
}

export class InstructionCursor extends ByteReader {
  /** Dense number of the instruction just read. */
  op = 0;
  /** Offset of its first byte. */
  at = 0;
  /** First index of the immediates: local, label, function, type, segment, destination … */
  a = 0;
  /** Second index: table, field, count, source … */
  b = 0;
  /** Offset of a memarg; its memory is in `a`. */
  memargOffset = 0;
  /** Labels of a `br_table` (default last) or of the catch clauses of a `try_table`. */
  readonly labels: number[] = [];
  /** Tags the clauses of a `try_table` name. */
  readonly tags: number[] = [];
  /** Concrete types named inside block, reference and heap types of this instruction. */
  readonly types: number[] = [];

  /** Reads one instruction; false at the end of the range. */
  next(): boolean {
    if (this.pos >= this.end) return false;
    const { bytes, end, pos } = this;
    this.at = pos;
    const byte = bytes[pos] ?? 0;
    const shape = shapeOf[byte] ?? Shape.unknown;
    if (shape === Shape.none) {
      this.op = byte;
      this.pos = pos + 1;
      return true;
    }
    const isCommon = shape <= Shape.i32 || shape === Shape.label || shape === Shape.func;
    if (isCommon && pos + 3 < end) return this.#readCommon(byte, shape);
    if (shape === Shape.block && bytes[pos + 1] === 0x40) {
      this.types.length = 0;
      this.op = byte;
      this.a = -0x40;
      this.pos = pos + 2;
      return this.pos <= end;
    }
    this.pos = pos + 1;
    this.#readRare(byte, shape);
    return true;
  }

  /**
   * Goes over instructions that the plan has no interest in, up to one that it has, or one that is
   * rare or near the end: `next` reads that. Answers the weight of those passed.
   */
  pass(plan: PassPlan): number {
    const { bytes } = this;
    const { shapes, bounds, weights, used, locals } = plan;
    const last = this.end - passableBytesMax;
    let pos = this.pos;
    let index = 0;
    let weight = 0;
    while (pos < last) {
      const op = bytes[pos] ?? 0;
      const shape = shapes[op];
      let next = pos + 1;
      if (shape === Shape.none) {
        // Nothing follows.
      } else if (shape === Shape.local || shape === Shape.global) {
        index = bytes[next++] ?? 0;
        if (index >= 0x80) index = (index & 0x7f) | ((bytes[next++] ?? 0) << 7);
        if (index >= 0x4000 || index >= (bounds[op] ?? 0)) break;
      } else if (shape === Shape.memarg) {
        if ((bytes[next++] ?? 0) >= 0x40 || bounds[op] === 0) break;
        if ((bytes[next++] ?? 0) >= 0x80) next = lebEnd(bytes, next, 4);
      } else if (shape === Shape.i32) {
        if ((bytes[next++] ?? 0) >= 0x80) next = lebEnd(bytes, next, 4);
      } else if (shape === Shape.i64) next = lebEnd(bytes, next, 10);
      else if (shape === Shape.f64) next += 8;
      else if (shape === Shape.f32) next += 4;
      else break;
      if (next < 0) break;
      weight += weights[op] ?? 1;
      used[op] = 1;
      if (locals !== undefined) locals.note(op, index);
      pos = next;
    }
    this.pos = pos;
    return weight;
  }

  /** Locals, memargs, labels and small constants in their shortest encodings: most of real code. */
  #readCommon(byte: number, shape: number): boolean {
    const { bytes, pos } = this;
    const first = bytes[pos + 1] ?? 0;
    this.op = byte;
    if (shape === Shape.memarg) {
      const offset = bytes[pos + 2] ?? 0;
      if (first < 0x40 && offset < 0x80) {
        this.a = 0;
        this.memargOffset = offset;
        this.pos = pos + 3;
        return true;
      }
    } else if (first < 0x80) {
      this.a = first;
      this.pos = pos + 2;
      return true;
    }
    this.pos = pos + 1;
    this.#readRare(byte, shape);
    return true;
  }

  #readRare(byte: number, shape: number): void {
    this.op = byte;
    if (shape !== Shape.unknown) {
      this.#readImmediates(shape);
      return;
    }
    const base = prefixBase(byte);
    if (base < 0) throw refuseModule('instructions must be known', hexByte(byte), this.at);
    const op = base + this.readU32();
    const prefixedShape = op < prefixEnd(byte) ? shapeOf[op] : Shape.unknown;
    if (prefixedShape === undefined || prefixedShape === Shape.unknown) {
      const received = `${hexByte(byte)} ${hexByte(op - base)}`;
      throw refuseModule('instructions must be known', received, this.at);
    }
    this.op = op;
    if (prefixedShape !== Shape.none) this.#readImmediates(prefixedShape);
  }

  #readImmediates(shape: number): void {
    switch (shape) {
      case Shape.local:
      case Shape.label:
      case Shape.func:
      case Shape.global:
      case Shape.type:
      case Shape.table:
      case Shape.tag:
      case Shape.memory:
      case Shape.data:
      case Shape.elem:
        this.a = this.readU32();
        return;
      case Shape.i32:
        this.skipLeb(5);
        return;
      case Shape.i64:
        this.skipLeb(10);
        return;
      case Shape.f32:
        this.skip(4);
        return;
      case Shape.f64:
        this.skip(8);
        return;
      case Shape.bytes16:
        this.skip(16);
        return;
      case Shape.lane:
      case Shape.zeroByte:
        this.skip(1);
        return;
      default:
        this.#readCompound(shape);
    }
  }

  #readCompound(shape: number): void {
    if (shape === Shape.memarg) this.#readMemarg();
    else if (shape === Shape.memargAndLane) {
      this.#readMemarg();
      this.skip(1);
    } else if (shape === Shape.block) this.#readBlockType();
    else if (shape === Shape.brTable) this.#readBranchTable();
    else if (shape === Shape.selectTypes) this.#readSelectTypes();
    else if (shape === Shape.tryTable) this.#readTryTable();
    else if (shape === Shape.castBranch) this.#readCastBranch();
    else if (shape === Shape.heapType) {
      this.types.length = 0;
      this.#readHeapType();
    } else {
      this.a = this.readU32();
      this.b = this.readU32();
    }
  }

  #readMemarg(): void {
    const align = this.readU32();
    this.a = align & 0x40 ? this.readU32() : 0;
    if (align >= 0x80) throw refuseModule('alignments are below 64', `${align}`, this.at);
    this.memargOffset = this.readU64();
  }

  /** Block type: `a` is a type index, or a negative number for none or one value. */
  #readBlockType(): void {
    if (this.types.length > 0) this.types.length = 0;
    const byte = this.peekByte();
    if (byte >= 0x40 && byte < 0x80 && byte !== 0x63 && byte !== 0x64) {
      this.pos++;
      this.a = byte - 0x80;
      return;
    }
    if (byte === 0x63 || byte === 0x64) {
      this.pos++;
      this.#readHeapType();
      this.a = byte - 0x80;
      return;
    }
    this.a = this.readS33();
    if (this.a >= 0) this.types.push(this.a);
  }

  #readHeapType(): void {
    const heapType = this.readS33();
    if (heapType >= 0) this.types.push(heapType);
  }

  #readValueType(): void {
    const byte = this.readByte();
    if (byte === 0x63 || byte === 0x64) this.#readHeapType();
  }

  #readBranchTable(): void {
    const count = this.readCount('br_table entries', branchTableEntriesMax);
    this.labels.length = 0;
    for (let i = 0; i <= count; i++) this.labels.push(this.readU32());
  }

  #readSelectTypes(): void {
    this.types.length = 0;
    const count = this.readCount('types of a select', 1000);
    for (let i = 0; i < count; i++) this.#readValueType();
  }

  #readTryTable(): void {
    this.#readBlockType();
    const count = this.readCount('catch clauses', branchTableEntriesMax);
    this.labels.length = 0;
    this.tags.length = 0;
    for (let i = 0; i < count; i++) {
      const kind = this.readByte();
      if (kind > 3) throw refuseModule('catch clauses must be known', hexByte(kind), this.at);
      if (kind < 2) this.tags.push(this.readU32());
      this.labels.push(this.readU32());
    }
  }

  #readCastBranch(): void {
    this.types.length = 0;
    this.skip(1);
    this.a = this.readU32();
    this.#readHeapType();
    this.#readHeapType();
  }
}

/** Whether `op` branches to the label in the cursor's `a`. */
export function isLabelBranch(op: number): boolean {
  return (
    op === Op.br ||
    op === Op.brIf ||
    op === Op.brOnNull ||
    op === Op.brOnNonNull ||
    op === Op.brOnCast ||
    op === Op.brOnCastFail
  );
}

/** Whether labels stand among the immediates of `op`, in the cursor's `a` or `labels`. */
export function namesLabel(op: number): boolean {
  return (
    isLabelBranch(op) ||
    op === Op.brTable ||
    op === Op.tryTable ||
    op === Op.rethrow ||
    op === Op.delegate
  );
}

/** Whether the meter can write `op` with other labels; see meter/detour.ts. */
export function isRetargeted(op: number): boolean {
  return op === Op.br || op === Op.brIf || op === Op.brTable;
}
