/**
 * The output of one function body: original bytes are copied in runs, additions come between.
 * Locals are declared as they are asked for and stand behind the original ones.
 */
import { TerrafirmaError } from '../../errors.ts';
import { ByteWriter, patchedMax, u32Length } from '../binary/writer.ts';
import { OffsetWriter } from '../offsets.ts';
import { Value } from './additions.ts';
import { Asm } from './code.ts';
import { callQuantum } from './contract.ts';
import { noDetour } from './frames.ts';

/** How a loop pays: from which count on, and by which label it is left for that, or `noDetour`. */
export interface LoopPayment {
  readonly quantum: number;
  readonly spendFunction: number;
  readonly detour: number;
}

/** What a local slot of a body is for: one for each purpose and type, made when first asked for. */
export const Purpose = { counter: 0, address: 1, value: 2 } as const;

/** Value types are numbers below this. */
const slotStride = 128;
const noSlot = -1;

/** Limits of V8; a function just below may be above when metered. */
const bodyBytesMax = 7_654_321;
export const localsMax = 50_000;

/**
 * Locals times conditions put in, of one function: each is a place where V8 joins all locals. Loops
 * and branches of the original have a bound of their own; before calls the meter may put thousands.
 */
const insertedWorkMax = 4_000_000;

function requireWithinLimits(bodyBytes: number, localCount: number, conditions: number): void {
  const work = localCount * conditions;
  if (work > insertedWorkMax) {
    throw new TerrafirmaError(
      'module-refused',
      'Cannot meter the module: in one function, locals times metered calls may be at most ' +
        `${insertedWorkMax}; split the function: received ${localCount} locals and ` +
        `${conditions} such calls`,
    );
  }
  if (bodyBytes <= bodyBytesMax && localCount <= localsMax) return;
  throw new TerrafirmaError(
    'module-refused',
    'Cannot meter the module: each function must stay within the limits of V8 when metered, ' +
      `${bodyBytesMax} bytes and ${localsMax} locals; split it: ` +
      `received a function with ${bodyBytes} bytes and ${localCount} locals then`,
  );
}

export class Emitter {
  readonly #source: Uint8Array;
  readonly #out = new ByteWriter(64 * 1024);
  /** Up to where the source was copied. */
  #copied = 0;
  /** What was copied of this body, and up to where output and source are accounted for. */
  readonly #bodyRuns = new OffsetWriter();
  #toldOut = 0;
  #toldSource = 0;
  /** The same of all bodies. */
  readonly #runs = new OffsetWriter();
  #allOut = 0;
  #allSource = 0;
  #localCount = 0;
  readonly #slots = new Int32Array(Object.keys(Purpose).length * slotStride).fill(noSlot);
  readonly #slotTypes: number[] = [];
  #counter = -1;
  /** Where in the output the conditions stand that hardly ever hold. */
  readonly #unlikely: number[] = [];

  /** Where in the code the branches stand that hardly ever go the unlikely way. */
  get unlikely(): readonly number[] {
    return this.#unlikely;
  }

  constructor(source: Uint8Array) {
    this.#source = source;
  }

  /** Begins a body with its code at `start` and `localCount` locals, parameters included. */
  begin(start: number, localCount: number): void {
    this.#out.clear();
    this.#bodyRuns.clear();
    this.#toldOut = 0;
    this.#toldSource = start;
    this.#copied = start;
    this.#localCount = localCount;
    this.#slots.fill(noSlot);
    this.#slotTypes.length = 0;
    this.#unlikely.length = 0;
    this.#counter = -1;
  }

  /** Copies the original up to `offset`; what is emitted next comes there. */
  copyTo(offset: number): void {
    const bytes = offset - this.#copied;
    if (bytes > 0) {
      const inserted = this.#out.length - this.#toldOut;
      this.#bodyRuns.add(inserted, this.#copied - this.#toldSource, bytes);
      this.#out.copyRange(this.#source, this.#copied, offset);
      this.#toldOut = this.#out.length;
      this.#toldSource = offset;
    }
    this.#copied = offset;
  }

  /** Where the code of all bodies written so far comes from; offsets count from the first. */
  get runs(): OffsetWriter {
    return this.#runs;
  }

  /** Leaves out the original up to `offset`. */
  skipTo(offset: number): void {
    this.#copied = offset;
  }

  local(purpose: number, type: number): number {
    const key = purpose * slotStride + type;
    const known = this.#slots[key] ?? noSlot;
    if (known !== noSlot) return known;
    const index = this.#localCount + this.#slotTypes.length;
    this.#slotTypes.push(type);
    this.#slots[key] = index;
    return index;
  }

  get counter(): number {
    if (this.#counter < 0) this.#counter = this.local(Purpose.counter, Value.i32);
    return this.#counter;
  }

  byte(byte: number): void {
    this.#out.writeByte(byte);
  }

  indexed(op: number, index: number): void {
    this.#out.writeIndexed(op, index);
  }

  few(bytes: Uint8Array): void {
    this.#out.writeFew(bytes);
  }

  i32(value: number): void {
    if (value >= 0 && value < 64) {
      this.#out.writeIndexed(0x41, value);
      return;
    }
    this.#out.writeByte(0x41);
    this.#out.writeS64(value);
  }

  /** An address constant; one above 2^52 belongs to a store that traps before its mark. */
  constant(value: number, is64: boolean): void {
    this.#out.writeByte(is64 ? 0x42 : 0x41);
    const bounded = Math.min(value, 2 ** 52);
    this.#out.writeS64(is64 ? bounded : bounded | 0);
  }

  /** counter += weight. */
  count(weight: number): void {
    const { counter } = this;
    this.indexed(0x20, counter);
    this.i32(weight);
    this.byte(Asm.i32Add);
    this.indexed(0x21, counter);
  }

  u32(value: number): void {
    this.#out.writeU32(value);
  }

  /**
   * The head of a loop: counter += weight of a round, paid when it reaches the quantum. Answers
   * where the weight is to be patched in.
   */
  loopHead(payment: LoopPayment): number {
    this.indexed(0x20, this.counter);
    this.byte(0x41);
    const weightAt = this.#out.writePlaceholder();
    this.#addAndPay(payment);
    return weightAt;
  }

  /** counter += weight, paid when it reaches the quantum. */
  countAndPay(weight: number, payment: LoopPayment): void {
    this.indexed(0x20, this.counter);
    this.i32(weight);
    this.#addAndPay(payment);
  }

  /** Pays the counter where it reached the quantum, counter += weight, and back to the head. */
  payAndGoRound(weight: number, { quantum, spendFunction }: LoopPayment): void {
    this.indexed(0x20, this.counter);
    this.i32(quantum);
    this.byte(Asm.i32GeS);
    this.beginUnlikely();
    this.spend(spendFunction);
    this.end();
    this.count(weight);
    this.indexed(0x0c, 0);
  }

  /** Opens the label behind a loop. */
  beginExit(): void {
    this.byte(0x02);
    this.byte(0x40);
  }

  /** Leaves the loop, whose label is the innermost, unless the condition on the stack holds. */
  exitUnless(): void {
    this.byte(Asm.i32Eqz);
    this.indexed(0x0d, 1);
  }

  #addAndPay({ quantum, spendFunction, detour }: LoopPayment): void {
    this.byte(Asm.i32Add);
    this.indexed(0x22, this.counter);
    this.i32(quantum);
    this.byte(Asm.i32GeS);
    if (detour !== noDetour) {
      this.#unlikely.push(this.#out.length);
      this.indexed(0x0d, detour);
      return;
    }
    this.beginUnlikely();
    this.spend(spendFunction);
    this.end();
  }

  /** Opens the labels around a loop (detour.ts), whose instruction is at [at, end). */
  beginDetour(at: number, end: number): void {
    for (const op of [0x02, 0x03]) {
      this.byte(op);
      this.#out.copyRange(this.#source, at + 1, end);
    }
    this.byte(0x02);
    this.byte(0x40);
  }

  /**
   * Behind the end of the loop: the way on, and the detour, which pays the counter less the weight
   * of a round that the head will count once more.
   */
  endDetour(spendFunction: number, recountedWeight: number): void {
    this.indexed(0x0c, 2);
    this.end();
    this.indexed(0x20, this.counter);
    this.indexed(0x10, spendFunction);
    if (recountedWeight > 0) {
      this.i32(Math.min(recountedWeight, patchedMax));
      this.byte(Asm.i32Sub);
    }
    this.indexed(0x21, this.counter);
    this.indexed(0x0c, 0);
    this.end();
    this.end();
  }

  /** Pays the counter where it reached the bound of calls. */
  payCounter(spendFunction: number): void {
    this.indexed(0x20, this.counter);
    this.i32(callQuantum);
    this.byte(Asm.i32GeS);
    this.beginUnlikely();
    this.spend(spendFunction);
    this.end();
  }

  /** Takes what is owed, and the counter where it is live, from fuel; asks the host below zero. */
  payFuel(debt: {
    readonly pending: number;
    readonly isLive: boolean;
    readonly fuel: number;
    readonly refuelFunction: number;
  }): void {
    const { counter } = this;
    this.indexed(0x23, debt.fuel);
    if (debt.isLive) {
      this.indexed(0x20, counter);
      this.byte(Asm.i32Sub);
    }
    this.i32(debt.pending);
    this.byte(Asm.i32Sub);
    this.indexed(0x22, counter);
    this.indexed(0x24, debt.fuel);
    this.indexed(0x20, counter);
    this.i32(0);
    this.byte(Asm.i32LtS);
    this.beginUnlikely();
    this.indexed(0x10, debt.refuelFunction);
    this.end();
  }

  /** counter = 0. */
  clearCounter(): void {
    this.i32(0);
    this.indexed(0x21, this.counter);
  }

  patchWeight(at: number, weight: number): void {
    this.#out.patch(at, weight);
  }

  /** counter = spend(counter). */
  spend(spendFunction: number): void {
    const { counter } = this;
    this.indexed(0x20, counter);
    this.indexed(0x10, spendFunction);
    this.indexed(0x21, counter);
  }

  /** An `if` whose body hardly ever runs: V8 keeps it and its spills off the main path. */
  beginUnlikely(): void {
    this.#unlikely.push(this.#out.length);
    this.byte(0x04);
    this.byte(0x40);
  }

  end(): void {
    this.byte(Asm.end);
  }

  /**
   * Writes size, locals and code of the body whose local declarations begin at `locals.at`. Answers
   * the offset of the code in it.
   */
  finish(
    target: ByteWriter,
    locals: {
      readonly at: number;
      readonly groupCount: number;
      readonly end: number;
      readonly count: number;
    },
  ): number {
    const countEnd = locals.at + u32Length(locals.groupCount);
    const groupCount = locals.groupCount + this.#slotTypes.length;
    const headBytes = u32Length(groupCount) + (locals.end - countEnd) + 2 * this.#slotTypes.length;
    target.writeU32(headBytes + this.#out.length);
    target.writeU32(groupCount);
    target.copyRange(this.#source, countEnd, locals.end);
    for (const type of this.#slotTypes) {
      target.writeByte(1);
      target.writeByte(type);
    }
    const localCount = locals.count + this.#slotTypes.length;
    requireWithinLimits(headBytes + this.#out.length, localCount, this.#unlikely.length);
    this.#runs.add(target.length - this.#allOut, locals.end - this.#allSource, 0);
    this.#runs.append(this.#bodyRuns);
    this.#allOut = target.length + this.#toldOut;
    this.#allSource = this.#toldSource;
    target.append(this.#out);
    return headBytes;
  }
}
