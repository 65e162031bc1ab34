/** Virtual memory sizes, and growth that asks the host first. */
import type { ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import type { Charges } from './charges.ts';
import { Asm, type CodeWriter } from './code.ts';

const { i32, i64 } = Value;

/** What V8 keeps for an entry of a table: 40 were measured of one that is null. */
const tableEntryBytes = 48;

export interface GrowContext {
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly charges: Charges;
  readonly memoryPagesMax: number;
  readonly tableEntriesMax: number;
}

export class Grow {
  readonly #context: GrowContext;

  constructor(context: GrowContext) {
    this.#context = context;
  }

  /** Pages memory number `memory` may have at most. */
  pagesMax(memory: number): number {
    const { shape, memoryPagesMax } = this.#context;
    const shaped = shape.memories[memory];
    return Math.max(
      Math.min(shaped?.pagesMax ?? memoryPagesMax, memoryPagesMax),
      shaped?.pagesMin ?? 0,
    );
  }

  /** The global with the size the guest believes in. */
  sizeGlobal(memory: number): number {
    const shaped = this.#context.shape.memories[memory];
    const type = shaped?.is64 === true ? i64 : i32;
    return this.#context.additions.stateGlobal(`size:${memory}`, type, shaped?.pagesMin ?? 0);
  }

  /** (delta) → old size or -1, in place of memory.grow. */
  growMemory(memory: number): number {
    const { shape, additions, charges } = this.#context;
    const is64 = shape.memories[memory]?.is64 === true;
    const type = is64 ? i64 : i32;
    const size = this.sizeGlobal(memory);
    const number = (code: CodeWriter, value: number): void => {
      if (is64) code.i64(value);
      else code.i32(value);
    };
    return additions.functionIndex(`grow:${memory}`, [[type], [type]], (code) => {
      const pages = code.local(type);
      const physical = code.local(type);
      charges.writeGrowCharge(code);
      code.get(0);
      number(code, this.pagesMax(memory));
      code.globalGet(size);
      code.ops(is64 ? Asm.i64Sub : Asm.i32Sub, is64 ? Asm.i64GtU : Asm.i32GtU);
      writeRefusal(code, () => number(code, -1));
      code.globalGet(size);
      code.get(0);
      code.ops(is64 ? Asm.i64Add : Asm.i32Add);
      code.set(pages);
      code.i32(memory);
      code.get(pages);
      if (is64) code.ops(Asm.i32WrapI64);
      code.callHost('growMemory', [i32, i32], [i32]);
      code.ops(Asm.i32Eqz);
      writeRefusal(code, () => number(code, -1));
      code.get(pages);
      code.ops(0x3f);
      code.writeU32(memory);
      code.tee(physical);
      code.ops(is64 ? Asm.i64GtU : Asm.i32GtU);
      code.if();
      code.get(pages);
      code.get(physical);
      code.ops(is64 ? Asm.i64Sub : Asm.i32Sub, 0x40);
      code.writeU32(memory);
      number(code, -1);
      code.ops(is64 ? Asm.i64Eq : Asm.i32Eq);
      writeRefusal(code, () => number(code, -1));
      code.end();
      code.globalGet(size);
      code.get(pages);
      code.globalSet(size);
    });
  }

  /** (delta) → delta, or -1 where the host refuses: the table.grow behind it then fails itself. */
  growTable(table: number): number {
    const { shape, additions, charges, tableEntriesMax } = this.#context;
    const is64 = shape.tables[table]?.is64 === true;
    const type = is64 ? i64 : i32;
    const number = (code: CodeWriter, value: number): void => {
      if (is64) code.i64(value);
      else code.i32(value);
    };
    return additions.functionIndex(`growTable:${table}`, [[type], [type]], (code) => {
      charges.writeGrowCharge(code);
      code.get(0);
      number(code, tableEntriesMax);
      code.misc(16, table);
      code.ops(is64 ? Asm.i64Sub : Asm.i32Sub, is64 ? Asm.i64GtU : Asm.i32GtU);
      writeRefusal(code, () => number(code, -1));
      code.get(0);
      code.call(charges.chargeTable(is64));
      if (is64) code.ops(Asm.i32WrapI64);
      code.i32(tableEntryBytes);
      code.call(charges.allocateMany(0));
      code.ops(Asm.drop);
      code.i32(table);
      code.misc(16, table);
      code.get(0);
      code.ops(is64 ? Asm.i64Add : Asm.i32Add);
      if (is64) code.ops(Asm.i32WrapI64);
      code.callHost('growTable', [i32, i32], [i32]);
      code.ops(Asm.i32Eqz);
      writeRefusal(code, () => number(code, -1));
      code.get(0);
    });
  }
}

/** Returns what `writeValue` leaves where the condition on the stack holds. */
function writeRefusal(code: CodeWriter, writeValue: () => void): void {
  code.if();
  writeValue();
  code.ops(Asm.return);
  code.end();
}
