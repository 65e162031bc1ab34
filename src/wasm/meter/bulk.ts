/**
 * Appended functions in place of bulk instructions: they charge by amount before the work is done
 * and split what is large, so that a check comes every chunk. The whole range is tested first:
 * an instruction out of bounds must trap without having written anything, and does so itself.
 */
import type { ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import type { Charges } from './charges.ts';
import { Asm, type CodeWriter } from './code.ts';
import { cardBytesLog2 } from './contract.ts';

const { i32, i64 } = Value;

/** Bytes of one piece: first touch of so many takes about 0.3 ms. */
const chunkBytes = 128 * 1024;

/** A unit of fuel for every 2^3 bytes. */
const bytesPerUnitLog2 = 3;
const pageBytesLog2 = 16;
const chargeMask = 0x3fff_ffff;

export interface BulkContext {
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly charges: Charges;
  /** Index of the card memory, where the module has one. */
  readonly cardMemory: number | undefined;
}

interface Range {
  readonly start: number;
  readonly memory: number;
}

export class Bulk {
  readonly #context: BulkContext;

  constructor(context: BulkContext) {
    this.#context = context;
  }

  #addressType(memory: number): number {
    return this.#context.shape.memories[memory]?.is64 === true ? i64 : i32;
  }

  /** In place of memory.fill. */
  fill(memory: number): number {
    const type = this.#addressType(memory);
    const signature = [[type, i32, type], []] as const;
    const { additions } = this.#context;
    return additions.functionIndex(`fill:${memory}`, signature, (code) => {
      const count = new Count(code, 2, type);
      this.#writeChunks(code, count, {
        ranges: [{ start: 0, memory }],
        self: () => this.fill(memory),
        isBackwards: undefined,
      });
      this.#writeCharge(code, count);
      for (const local of [0, 1, 2]) code.get(local);
      code.misc(11, memory);
      this.#writeMark(code, { start: 0, memory }, count);
    });
  }

  /** In place of memory.copy. */
  copy(target: number, source: number): number {
    const targetType = this.#addressType(target);
    const sourceType = this.#addressType(source);
    const countType = targetType === i64 && sourceType === i64 ? i64 : i32;
    const signature = [[targetType, sourceType, countType], []] as const;
    const { additions } = this.#context;
    return additions.functionIndex(`copy:${target}:${source}`, signature, (code) => {
      const count = new Count(code, 2, countType);
      this.#writeChunks(code, count, {
        ranges: [
          { start: 0, memory: target },
          { start: 1, memory: source },
        ],
        self: () => this.copy(target, source),
        isBackwards: target === source ? targetType : undefined,
      });
      this.#writeCharge(code, count);
      for (const local of [0, 1, 2]) code.get(local);
      code.misc(10, target, source);
      this.#writeMark(code, { start: 0, memory: target }, count);
    });
  }

  /** In place of memory.init. */
  init(segment: number, memory: number): number {
    const type = this.#addressType(memory);
    const signature = [[type, i32, i32], []] as const;
    const { additions, shape } = this.#context;
    return additions.functionIndex(`init:${segment}:${memory}`, signature, (code) => {
      const count = new Count(code, 2, i32);
      code.get(1);
      code.get(2);
      this.#writeDropGuard(code, `data:${segment}`);
      this.#writeChunks(code, count, {
        ranges: [{ start: 0, memory }],
        segment: { start: 1, byteCount: shape.data[segment]?.byteCount ?? 0 },
        self: () => this.init(segment, memory),
        isBackwards: undefined,
      });
      this.#writeCharge(code, count);
      for (const local of [0, 1, 2]) code.get(local);
      code.misc(8, segment, memory);
      this.#writeMark(code, { start: 0, memory }, count);
    });
  }

  /** (start, count) → (start, count): traps where the segment was dropped and either is not 0. */
  guard(key: string): number {
    const signature = [
      [i32, i32],
      [i32, i32],
    ] as const;
    return this.#context.additions.functionIndex(`guard:${key}`, signature, (code) => {
      code.get(0);
      code.get(1);
      this.#writeDropGuard(code, key);
      code.get(0);
      code.get(1);
    });
  }

  /** The flag that says that a segment was dropped. */
  dropFlag(key: string): number {
    return this.#context.additions.stateGlobal(`dropped:${key}`, i32, 0);
  }

  /** Takes (start, count) from the stack. A dropped segment has no bytes, so only 0, 0 fits. */
  #writeDropGuard(code: CodeWriter, key: string): void {
    code.ops(Asm.i32Or, Asm.i32Eqz, Asm.i32Eqz);
    code.globalGet(this.dropFlag(key));
    code.ops(Asm.i32And);
    code.if();
    code.ops(Asm.unreachable);
    code.end();
  }

  /**
   * While more than a chunk remains and all of it is in bounds: does one chunk by calling itself.
   * Backwards where the target lies above the source, so that overlapping bytes are read first.
   */
  #writeChunks(
    code: CodeWriter,
    count: Count,
    plan: {
      ranges: readonly Range[];
      segment?: { start: number; byteCount: number };
      self: () => number;
      isBackwards: number | undefined;
    },
  ): void {
    count.writeIsLarge();
    code.if();
    code.i32(1);
    for (const range of plan.ranges) {
      this.#writeInBounds(code, range, count);
      code.ops(Asm.i32And);
    }
    if (plan.segment !== undefined) {
      const { start, byteCount } = plan.segment;
      code.get(start);
      code.ops(Asm.i64ExtendU);
      count.writeWide();
      code.ops(Asm.i64Add);
      code.i64(byteCount);
      code.ops(Asm.i64GtU, Asm.i32Eqz, Asm.i32And);
    }
    code.if();
    const moving = plan.segment === undefined ? [] : [plan.segment.start];
    this.#writeLoop(code, count, { ...plan, moving });
    code.end();
    code.end();
  }

  #writeLoop(
    code: CodeWriter,
    count: Count,
    plan: {
      ranges: readonly Range[];
      moving: readonly number[];
      self: () => number;
      isBackwards: number | undefined;
    },
  ): void {
    const starts = plan.ranges.map(({ start, memory }) => {
      return { start, type: this.#addressType(memory) };
    });
    for (const start of plan.moving) starts.push({ start, type: i32 });
    const { isBackwards } = plan;
    if (isBackwards !== undefined) {
      code.get(0);
      code.get(1);
      code.ops(isBackwards === i64 ? Asm.i64GtU : Asm.i32GtU);
      code.if();
      code.loop(() => {
        count.writeShrink();
        for (const { start } of starts) {
          code.get(start);
          code.get(2);
          code.ops(isBackwards === i64 ? Asm.i64Add : Asm.i32Add);
        }
        count.writeChunk();
        code.call(plan.self());
        count.writeIsLarge();
        code.ops(0x0d, 0);
      });
      code.ops(Asm.else);
    }
    code.loop(() => {
      for (const local of [0, 1]) code.get(local);
      count.writeChunk();
      code.call(plan.self());
      for (const { start, type } of starts) {
        code.get(start);
        if (type === i64) code.i64(chunkBytes);
        else code.i32(chunkBytes);
        code.ops(type === i64 ? Asm.i64Add : Asm.i32Add);
        code.set(start);
      }
      count.writeShrink();
      count.writeIsLarge();
      code.ops(0x0d, 0);
    });
    if (isBackwards !== undefined) code.end();
  }

  /** Leaves 1 where [start, start + count) lies within the memory, without overflow. */
  #writeInBounds(code: CodeWriter, range: Range, count: Count): void {
    const bytes = code.local(i64);
    const is64 = this.#addressType(range.memory) === i64;
    code.ops(0x3f);
    code.writeU32(range.memory);
    if (!is64) code.ops(Asm.i64ExtendU);
    code.i64(pageBytesLog2);
    code.ops(0x86);
    code.set(bytes);
    count.writeWide();
    code.get(bytes);
    code.ops(Asm.i64GtU);
    code.get(range.start);
    if (!is64) code.ops(Asm.i64ExtendU);
    code.get(bytes);
    count.writeWide();
    code.ops(Asm.i64Sub, Asm.i64GtU, Asm.i32Or, Asm.i32Eqz);
  }

  #writeCharge(code: CodeWriter, count: Count): void {
    count.writeWide();
    code.i64(bytesPerUnitLog2);
    code.ops(Asm.i64ShrU, Asm.i32WrapI64);
    code.i32(chargeMask);
    code.ops(Asm.i32And);
    code.i32(8);
    code.ops(Asm.i32Add);
    code.call(this.#context.charges.charge());
  }

  /** Marks the cards of a range of memory 0 that was just written. */
  #writeMark(code: CodeWriter, range: Range, count: Count): void {
    const { cardMemory } = this.#context;
    if (cardMemory === undefined || range.memory !== 0) return;
    const first = code.local(i32);
    const is64 = this.#addressType(range.memory) === i64;
    const writeStart = (): void => {
      code.get(range.start);
      if (!is64) code.ops(Asm.i64ExtendU);
    };
    const writeCard = (): void => {
      code.i64(cardBytesLog2);
      code.ops(Asm.i64ShrU, Asm.i32WrapI64);
    };
    count.writeWide();
    code.ops(Asm.i64Eqz, Asm.i32Eqz);
    code.if();
    writeStart();
    writeCard();
    code.tee(first);
    code.i32(1);
    writeStart();
    count.writeWide();
    code.ops(Asm.i64Add);
    code.i64(1);
    code.ops(Asm.i64Sub);
    writeCard();
    code.get(first);
    code.ops(Asm.i32Sub);
    code.i32(1);
    code.ops(Asm.i32Add);
    code.misc(11, cardMemory);
    code.end();
  }
}

/** The count parameter of a bulk function, of either address type. */
class Count {
  readonly #code: CodeWriter;
  readonly #local: number;
  readonly #is64: boolean;

  constructor(code: CodeWriter, local: number, type: number) {
    this.#code = code;
    this.#local = local;
    this.#is64 = type === i64;
  }

  writeWide(): void {
    this.#code.get(this.#local);
    if (!this.#is64) this.#code.ops(Asm.i64ExtendU);
  }

  writeChunk(): void {
    if (this.#is64) this.#code.i64(chunkBytes);
    else this.#code.i32(chunkBytes);
  }

  writeIsLarge(): void {
    this.writeWide();
    this.#code.i64(chunkBytes);
    this.#code.ops(Asm.i64GtU);
  }

  writeShrink(): void {
    this.#code.get(this.#local);
    this.writeChunk();
    this.#code.ops(this.#is64 ? Asm.i64Sub : Asm.i32Sub);
    this.#code.set(this.#local);
  }
}
