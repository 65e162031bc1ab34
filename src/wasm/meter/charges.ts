/** Appended functions that take from fuel and from the allocation budget, and ask the host. */
import { type Additions, Value } from './additions.ts';
import { Asm, type CodeWriter } from './code.ts';

const { i32, i64 } = Value;

/** Fuel for an entry of a table operation: 26–50 ns each were measured. */
const tableEntryWeight = 32;

/** Larger counts trap by their bounds: clamping keeps the product within 32 bits. */
const tableCountMax = 2 ** 20;
/** No run may have so many bytes: what asks for more is refused, and the sums stay in 32 bits. */
const heapBytesMax = 2 ** 30;

/** A host function called by `grow` may do system calls. */
const growWeight = 2_000;

export class Charges {
  readonly #additions: Additions;
  #heap: number | undefined;

  constructor(additions: Additions) {
    this.#additions = additions;
  }

  /** Global with the bytes a run may still allocate, once something asked for it. */
  get heap(): number | undefined {
    return this.#heap;
  }

  /** () → (): fuel is below zero; the host says how to go on. */
  refuel(): number {
    return this.#additions.functionIndex('refuel', [[], []], (code) => {
      const { fuel } = this.#additions;
      const next = code.local(i32);
      code.globalGet(fuel);
      code.callHost('check', [i32], [i32]);
      code.tee(next);
      code.i32(-1);
      code.ops(Asm.i32Eq);
      code.if();
      code.callHost('pause', [], [i32]);
      code.set(next);
      code.end();
      code.get(next);
      code.i32(1);
      code.ops(Asm.i32LtS);
      code.if();
      code.ops(Asm.unreachable);
      code.end();
      code.get(next);
      code.globalSet(fuel);
    });
  }

  /** (weight) → (). */
  charge(): number {
    return this.#additions.functionIndex('charge', [[i32], []], (code) => this.#take(code));
  }

  /** (weight) → 0: pays a local counter and answers its next value. */
  spend(): number {
    return this.#additions.functionIndex('spend', [[i32], [i32]], (code) => {
      this.#take(code);
      code.i32(0);
    });
  }

  #take(code: CodeWriter): void {
    const { fuel } = this.#additions;
    code.globalGet(fuel);
    code.get(0);
    code.ops(Asm.i32Sub);
    code.tee(0);
    code.globalSet(fuel);
    code.get(0);
    code.i32(0);
    code.ops(Asm.i32LtS);
    code.if();
    code.call(this.refuel());
    code.end();
  }

  /** Pays growth; for the bodies of the grow functions. */
  writeGrowCharge(code: CodeWriter): void {
    code.i32(growWeight);
    code.call(this.charge());
  }

  /** (count) → count: pays for a table operation on `count` entries. */
  chargeTable(is64: boolean): number {
    const type = is64 ? i64 : i32;
    return this.#additions.functionIndex(`table:${type}`, [[type], [type]], (code) => {
      this.#writeClamped(code, { type, countMax: tableCountMax });
      code.i32(tableEntryWeight);
      code.ops(Asm.i32Mul);
      code.call(this.charge());
      code.get(0);
    });
  }

  /** Leaves min(local 0, countMax) as i32. */
  #writeClamped(code: CodeWriter, clamp: { type: number; countMax: number }): void {
    const { type, countMax } = clamp;
    code.get(0);
    if (type === i64) code.ops(Asm.i32WrapI64);
    code.i32(countMax);
    code.get(0);
    if (type === i64) code.i64(countMax);
    else code.i32(countMax);
    code.ops(type === i64 ? Asm.i64GtU : Asm.i32GtU);
    code.ops(Asm.i32Eqz, Asm.select);
  }

  /** (bytes) → (): pays for one object. */
  allocate(): number {
    return this.#additions.functionIndex('allocate', [[i32], []], (code) => {
      code.get(0);
      code.ops(Asm.i64ExtendU);
      this.#writeAllocation(code);
    });
  }

  /** (count, bytes of each) → count: pays for so many things and `extraBytes` beside them. */
  allocateMany(extraBytes: number): number {
    const signature = [[i32, i32], [i32]] as const;
    return this.#additions.functionIndex(`allocate:${extraBytes}`, signature, (code) => {
      code.get(0);
      code.ops(Asm.i64ExtendU);
      code.get(1);
      code.ops(Asm.i64ExtendU, Asm.i64Mul);
      code.i64(extraBytes);
      code.ops(Asm.i64Add);
      this.#writeAllocation(code);
      code.get(0);
    });
  }

  /** Takes the bytes (i64, on the stack) from heap and fuel; asks the host where heap is short. */
  #writeAllocation(code: CodeWriter): void {
    const heap = this.#heapGlobal();
    const bytes = code.local(i64);
    const missing = code.local(i64);
    const writeHeap = (): void => {
      code.globalGet(heap);
      code.ops(Asm.i64ExtendU);
    };
    code.tee(bytes);
    writeHeap();
    code.ops(Asm.i64GtU);
    code.if();
    code.get(bytes);
    writeHeap();
    code.ops(Asm.i64Sub);
    code.tee(missing);
    code.i64(heapBytesMax);
    code.get(missing);
    code.i64(heapBytesMax);
    code.ops(Asm.i64LtU, Asm.select, Asm.i32WrapI64);
    code.callHost('allocate', [i32], [i32]);
    code.globalGet(heap);
    code.ops(Asm.i32Add);
    code.globalSet(heap);
    code.get(bytes);
    writeHeap();
    code.ops(Asm.i64GtU);
    code.if();
    code.ops(Asm.unreachable);
    code.end();
    code.end();
    code.globalGet(heap);
    code.get(bytes);
    code.ops(Asm.i32WrapI64, Asm.i32Sub);
    code.globalSet(heap);
    code.get(bytes);
    code.ops(Asm.i32WrapI64);
    code.call(this.charge());
  }

  #heapGlobal(): number {
    this.#heap ??= this.#additions.addGlobal(i32, 0);
    return this.#heap;
  }
}
