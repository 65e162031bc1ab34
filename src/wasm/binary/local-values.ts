/**
 * Which operands are values of locals. Each value that a local gets in the order of the code has a
 * number; an operand that `local.get` or `local.tee` put there has the number of that value as long
 * as it lies on the stack. Control instructions, calls and whatever is rare make all operands
 * unknown, so nothing is known across a label.
 */
import { Op } from './opcodes.ts';

/** No value of a local, or nobody knows. */
export const unknownValue = 0;

const operandsMax = 64;

/** What an instruction does to operands. */
const Effect = {
  forget: 0,
  none: 1,
  push: 2,
  get: 3,
  set: 4,
  tee: 5,
  pop: 6,
  /** One operand becomes another. */
  change: 7,
  /** Two become one. */
  join: 8,
  select: 9,
  store: 10,
} as const;

function buildEffects(): Uint8Array {
  const effects = new Uint8Array(256);
  effects[Op.nop] = Effect.none;
  effects[Op.drop] = Effect.pop;
  effects[Op.select] = Effect.select;
  effects[Op.localGet] = Effect.get;
  effects[Op.localSet] = Effect.set;
  effects[Op.localTee] = Effect.tee;
  effects[Op.globalGet] = Effect.push;
  effects[Op.globalSet] = Effect.pop;
  effects.fill(Effect.change, Op.i32Load, Op.i32Store);
  effects.fill(Effect.store, Op.i32Store, Op.i64Store32 + 1);
  effects.fill(Effect.push, Op.i32Const, Op.f64Const + 1);
  for (const [first, end] of unaryRanges) effects.fill(Effect.change, first, end);
  for (const [first, end] of binaryRanges) effects.fill(Effect.join, first, end);
  return effects;
}

/** Tests for zero, bit counts, square roots and the like; conversions and sign extensions. */
const unaryRanges = [
  [0x45, 0x46],
  [0x50, 0x51],
  [0x67, 0x6a],
  [0x79, 0x7c],
  [0x8b, 0x92],
  [0x99, 0xa0],
  [0xa7, 0xc5],
] as const;

/** Comparisons and arithmetic. */
const binaryRanges = [
  [0x46, 0x50],
  [0x51, 0x67],
  [0x6a, 0x79],
  [0x7c, 0x8b],
  [0x92, 0x99],
  [0xa0, 0xa7],
] as const;

const effects = buildEffects();

export class LocalValues {
  /** The number of each local's value now. */
  #values = new Int32Array(256);
  #lastValue = 0;
  /** Of each known operand, the innermost last. */
  readonly #operands = new Int32Array(operandsMax);
  readonly #locals = new Int32Array(operandsMax);
  #height = 0;

  /** A body begins. */
  begin(localCount: number): void {
    if (localCount > this.#values.length) this.#values = new Int32Array(2 * localCount);
    for (let local = 0; local < localCount; local++) this.#values[local] = local + 1;
    this.#lastValue = localCount;
    this.#height = 0;
  }

  /** An instruction that has valid immediates; `local` is the index of one that names a local. */
  note(op: number, local: number): void {
    switch (effects[op] ?? Effect.forget) {
      case Effect.none:
        return;
      case Effect.push:
        this.#push(unknownValue, 0);
        return;
      case Effect.get:
        this.#push(this.#values[local] ?? unknownValue, local);
        return;
      case Effect.set:
        this.#pop(1);
        this.#values[local] = ++this.#lastValue;
        return;
      case Effect.tee:
        this.#pop(1);
        this.#values[local] = ++this.#lastValue;
        this.#push(this.#lastValue, local);
        return;
      case Effect.pop:
        this.#pop(1);
        return;
      case Effect.store:
        this.#pop(2);
        return;
      case Effect.change:
        this.#pop(1);
        this.#push(unknownValue, 0);
        return;
      case Effect.join:
        this.#pop(2);
        this.#push(unknownValue, 0);
        return;
      case Effect.select:
        this.#pop(3);
        this.#push(unknownValue, 0);
        return;
      default:
        this.#height = 0;
    }
  }

  /** The local that still has the value of the operand `depth` below the top; -1 for none. */
  localAt(depth: number): number {
    const at = this.#height - 1 - depth;
    if (at < 0) return -1;
    const value = this.#operands[at] ?? unknownValue;
    const local = this.#locals[at] ?? 0;
    return value !== unknownValue && this.#values[local] === value ? local : -1;
  }

  /** The number of the value that a local has now. */
  valueOf(local: number): number {
    return this.#values[local] ?? unknownValue;
  }

  #push(value: number, local: number): void {
    if (this.#height === operandsMax) this.#height = 0;
    this.#operands[this.#height] = value;
    this.#locals[this.#height] = local;
    this.#height++;
  }

  /** Those below what is known are unknown, too. */
  #pop(count: number): void {
    this.#height = Math.max(0, this.#height - count);
  }
}
