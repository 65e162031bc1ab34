/**
 * How many operands wait on the stack where control branches or meets: the baseline compiler copies
 * its picture of the stack at each such place, so that time and memory grow with the sum. An
 * estimate from below: what the effect of an instruction depends on types for is taken to remove
 * operands, and each block begins anew with what was there before it.
 */
import type { InstructionCursor } from './cursor.ts';
import { Op, opCount } from './opcodes.ts';
import { shortLoopBytesMax, unrolledRoundsMax } from './short-loops.ts';

/** What an instruction adds to the stack; those that are not named remove one. */
function buildEffects(): Int8Array {
  const effects = new Int8Array(opCount).fill(-1);
  const set = (effect: number, first: number, last = first): void => {
    effects.fill(effect, first, last + 1);
  };
  set(0, Op.unreachable, Op.nop);
  set(1, Op.localGet);
  set(0, Op.localTee);
  set(1, Op.globalGet);
  set(0, Op.tableGet);
  set(-2, Op.select, Op.selectTyped);
  set(-2, Op.tableSet);
  set(0, Op.i32Load, Op.i32Store - 1);
  set(-2, Op.i32Store, Op.i64Store32);
  set(1, Op.memorySize);
  set(0, Op.memoryGrow);
  set(1, Op.i32Const, Op.f64Const);
  // Tests for zero, and what has one operand: counts, roots, conversions, sign extensions.
  for (const op of [0x45, 0x50]) set(0, op);
  for (const [first, last] of [
    [0x67, 0x69],
    [0x79, 0x7b],
    [0x8b, 0x91],
    [0x99, 0x9f],
    [0xa7, 0xc4],
  ] as const) {
    set(0, first, last);
  }
  set(1, Op.refNull);
  set(0, Op.refIsNull);
  set(1, Op.refFunc);
  return effects;
}

const effectOf = buildEffects();

function opens(op: number): boolean {
  return op === Op.block || op === Op.loop || op === Op.if || op === Op.try || op === Op.tryTable;
}

/**
 * The sum over all control operators of a body of the operands that wait there; those of short
 * loops count as often as they may be written. The cursor stands behind the local declarations;
 * the body was scanned before, so that its structure is right.
 */
export function sumOperands(cursor: InstructionCursor, isControl: (op: number) => boolean): number {
  const bases: number[] = [0];
  const starts: number[] = [Number.NEGATIVE_INFINITY];
  const sums: number[] = [0];
  let height = 0;
  let sum = 0;
  while (bases.length > 0 && cursor.next()) {
    const { op } = cursor;
    const base = bases[bases.length - 1] ?? 0;
    if (op === Op.if || op === Op.brIf || op === Op.brTable) height = Math.max(base, height - 1);
    if (isControl(op)) sum += height * (op === Op.brTable ? cursor.labels.length : 1);
    if (opens(op)) {
      bases.push(height);
      starts.push(op === Op.loop ? cursor.pos : Number.NEGATIVE_INFINITY);
      sums.push(sum);
    } else if (op === Op.end || op === Op.delegate) {
      height = base;
      bases.pop();
      const before = sums.pop() ?? 0;
      const isShort = cursor.pos - (starts.pop() ?? 0) <= shortLoopBytesMax;
      if (isShort) sum += (unrolledRoundsMax - 1) * (sum - before);
    } else if (op === Op.else || op === Op.catch || op === Op.catchAll) height = base;
    else if (!isControl(op)) height = Math.max(base, height + (effectOf[op] ?? -1));
  }
  return sum;
}
