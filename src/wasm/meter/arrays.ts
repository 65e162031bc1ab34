/**
 * Appended functions in place of array.fill, array.copy, array.init_data and array.init_elem: they
 * charge by amount before the work is done, and split what is large, so that a check comes every
 * chunk. The whole range is tested first: an instruction out of bounds must trap without having
 * written anything, and does so itself; so does one of an array that is null.
 */
import { Op } from '../binary/opcodes.ts';
import { ByteWriter } from '../binary/writer.ts';
import type { ArrayType, ModuleShape } from '../shape.ts';
import { type Additions, Value } from './additions.ts';
import type { Charges } from './charges.ts';
import { Asm, type CodeWriter, type ValueBytes } from './code.ts';

const { i32 } = Value;

/** Elements of one piece: a fifth of a millisecond where they are references to new objects. */
const chunkElements = 16_384;
/** Larger counts trap by their bounds: clamping keeps what they cost within 32 bits. */
const countMax = 2 ** 26;
/** Fuel for a reference: the collector must hear of each. A number takes 1. */
const referenceWeight = 4;

const gcOp = { fill: 16, copy: 17, initData: 18, initElem: 19, length: 15 } as const;
const refNull = 0x63;

export interface ArraysContext {
  readonly bytes: Uint8Array;
  readonly shape: ModuleShape;
  readonly additions: Additions;
  readonly charges: Charges;
}

/** An index that moves on with each chunk: into the array of a local, or into a segment. */
interface Place {
  readonly start: number;
  readonly array?: number;
  /** How many indices an element takes. */
  readonly step: number;
  /** Length of the segment, in indices. */
  readonly length?: number;
}

interface Split {
  /** Locals in the order the instruction wants them; the last is the count. */
  readonly params: number;
  readonly places: readonly Place[];
  readonly weight: number;
  /** Where the first place lies above the second it goes backwards: they may overlap. */
  readonly mayOverlap?: boolean;
  /** The instruction itself. */
  readonly work: () => void;
}

export class Arrays {
  readonly #context: ArraysContext;

  constructor(context: ArraysContext) {
    this.#context = context;
  }

  /** In place of array.fill. */
  fill(type: number): number {
    const params = [nullable(type), i32, this.#elementType(type), i32];
    return this.#context.additions.functionIndex(`array.fill:${type}`, [params, []], (code) =>
      this.#write(code, {
        params: 4,
        places: [{ start: 1, array: 0, step: 1 }],
        weight: this.#weight(type),
        work: () => code.gc(gcOp.fill, type),
      }),
    );
  }

  /** In place of array.copy. */
  copy(target: number, source: number): number {
    const params = [nullable(target), i32, nullable(source), i32, i32];
    const key = `array.copy:${target}:${source}`;
    return this.#context.additions.functionIndex(key, [params, []], (code) =>
      this.#write(code, {
        params: 5,
        places: [
          { start: 1, array: 0, step: 1 },
          { start: 3, array: 2, step: 1 },
        ],
        weight: this.#weight(target),
        mayOverlap: true,
        work: () => code.gc(gcOp.copy, target, source),
      }),
    );
  }

  /** In place of array.init_data; that the segment was dropped is asked before. */
  initData(type: number, segment: number): number {
    const length = this.#context.shape.data[segment]?.byteCount ?? 0;
    const step = this.#type(type)?.byteCount ?? 1;
    return this.#init(`array.init_data:${type}:${segment}`, type, { length, step }, (code) =>
      code.gc(gcOp.initData, type, segment),
    );
  }

  /** In place of array.init_elem; that the segment was dropped is asked before. */
  initElem(type: number, segment: number): number {
    const length = this.#context.shape.elements[segment]?.entryCount ?? 0;
    return this.#init(`array.init_elem:${type}:${segment}`, type, { length, step: 1 }, (code) =>
      code.gc(gcOp.initElem, type, segment),
    );
  }

  #init(
    key: string,
    type: number,
    segment: { readonly length: number; readonly step: number },
    work: (code: CodeWriter) => void,
  ): number {
    const params = [nullable(type), i32, i32, i32];
    return this.#context.additions.functionIndex(key, [params, []], (code) =>
      this.#write(code, {
        params: 4,
        places: [
          { start: 1, array: 0, step: 1 },
          { start: 2, ...segment },
        ],
        weight: this.#weight(type),
        work: () => work(code),
      }),
    );
  }

  #type(type: number): ArrayType | undefined {
    const shaped = this.#context.shape.types[type];
    return shaped?.kind === 'array' ? shaped : undefined;
  }

  #weight(type: number): number {
    return this.#type(type)?.holdsReferences === true ? referenceWeight : 1;
  }

  /** The type of an element on the stack: what is packed is an i32 there. */
  #elementType(type: number): ValueBytes {
    const shaped = this.#type(type);
    if (shaped === undefined) return i32;
    const bytes = [...this.#context.bytes.subarray(shaped.elementStart, shaped.elementEnd)];
    return shaped.byteCount < 4 ? i32 : bytes;
  }

  #write(code: CodeWriter, split: Split): void {
    const count = split.params - 1;
    const isLarge = (): void => {
      code.get(count);
      code.i32(chunkElements);
      code.ops(Asm.i32GtU);
    };
    isLarge();
    code.if();
    code.i32(1);
    for (const place of split.places) {
      this.#writeInBounds(code, place, count);
      code.ops(Asm.i32And);
    }
    code.if();
    if (split.mayOverlap === true) {
      code.get(1);
      code.get(3);
      code.ops(Asm.i32GtU);
      code.if();
      code.loop(() => this.#writeChunk(code, split, { isLarge, isBackwards: true }));
      code.ops(Asm.else);
    }
    code.loop(() => this.#writeChunk(code, split, { isLarge, isBackwards: false }));
    if (split.mayOverlap === true) code.end();
    code.end();
    code.end();
    this.#writeRest(code, split);
  }

  /** What is left, or all of it where it is small or out of bounds. */
  #writeRest(code: CodeWriter, split: Split): void {
    const count = split.params - 1;
    code.get(count);
    code.i32(countMax);
    code.get(count);
    code.i32(countMax);
    code.ops(Asm.i32LeU, Asm.select);
    code.i32(split.weight);
    code.ops(Asm.i32Mul);
    code.call(this.#context.charges.charge());
    for (let local = 0; local < split.params; local++) code.get(local);
    split.work();
  }

  #writeChunk(
    code: CodeWriter,
    split: Split,
    round: { readonly isLarge: () => void; readonly isBackwards: boolean },
  ): void {
    const count = split.params - 1;
    code.i32(chunkElements * split.weight);
    code.call(this.#context.charges.charge());
    if (round.isBackwards) this.#writeShrink(code, count);
    for (let local = 0; local < count; local++) {
      code.get(local);
      if (!round.isBackwards || !split.places.some(({ start }) => start === local)) continue;
      code.get(count);
      code.ops(Asm.i32Add);
    }
    code.i32(chunkElements);
    split.work();
    if (!round.isBackwards) {
      for (const { start, step } of split.places) {
        code.get(start);
        code.i32(chunkElements * step);
        code.ops(Asm.i32Add);
        code.set(start);
      }
      this.#writeShrink(code, count);
    }
    round.isLarge();
    code.ops(Op.brIf, 0);
  }

  #writeShrink(code: CodeWriter, count: number): void {
    code.get(count);
    code.i32(chunkElements);
    code.ops(Asm.i32Sub);
    code.set(count);
  }

  /** Leaves 1 where all elements lie within the array or segment of `place`. */
  #writeInBounds(code: CodeWriter, place: Place, count: number): void {
    code.get(place.start);
    code.ops(Asm.i64ExtendU);
    code.get(count);
    code.ops(Asm.i64ExtendU);
    code.i64(place.step);
    code.ops(Asm.i64Mul, Asm.i64Add);
    if (place.array === undefined) code.i64(place.length ?? 0);
    else {
      code.get(place.array);
      code.gc(gcOp.length);
      code.ops(Asm.i64ExtendU);
    }
    code.ops(Asm.i64LeU);
  }
}

/** (ref null type) */
function nullable(type: number): number[] {
  const writer = new ByteWriter(8);
  writer.writeS64(type);
  return [refNull, ...writer.view()];
}
