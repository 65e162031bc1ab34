/** What each instruction costs in fuel, and which of them the meter must look at. */
import { type PassPlan, planPass } from '../binary/cursor.ts';
import type { LocalValues } from '../binary/local-values.ts';
import {
  atomicBase,
  gcBase,
  miscBase,
  Op,
  opCount,
  Shape,
  shapeOf,
  simdBase,
} from '../binary/opcodes.ts';
import type { ModuleShape } from '../shape.ts';

/** How the meter treats an instruction. */
export const Group = {
  /** Counted, copied, nothing else. */
  plain: 0,
  local: 1,
  load: 2,
  store: 3,
  flow: 4,
  call: 5,
  bulk: 6,
  gc: 7,
  /** Carries an index that must exist in the original. */
  indexed: 8,
  refused: 9,
} as const;

const flowOps = [
  Op.block,
  Op.loop,
  Op.if,
  Op.else,
  Op.try,
  Op.catch,
  Op.throw,
  Op.rethrow,
  Op.throwRef,
  Op.end,
  Op.br,
  Op.brIf,
  Op.brTable,
  Op.return,
  Op.delegate,
  Op.catchAll,
  Op.tryTable,
  Op.unreachable,
  Op.brOnNull,
  Op.brOnNonNull,
  Op.brOnCast,
  Op.brOnCastFail,
];

const callOps = [
  Op.call,
  Op.callIndirect,
  Op.callRef,
  Op.returnCall,
  Op.returnCallIndirect,
  Op.returnCallRef,
];

function buildGroups(): Uint8Array {
  const groups = new Uint8Array(opCount);
  for (let op = 0; op < opCount; op++) {
    const shape = shapeOf[op];
    if (shape === Shape.local) groups[op] = Group.local;
    else if (shape === Shape.memarg || shape === Shape.memargAndLane) groups[op] = Group.load;
    else if (shape === Shape.global || shape === Shape.table) groups[op] = Group.indexed;
    else if (shape === Shape.heapType || shape === Shape.selectTypes) groups[op] = Group.indexed;
  }
  groups[Op.refFunc] = Group.indexed;
  groups.fill(Group.store, Op.i32Store, Op.i64Store32 + 1);
  groups.fill(Group.store, Op.v128Store8Lane, Op.v128Store64Lane + 1);
  groups[Op.v128Store] = Group.store;
  for (const op of flowOps) groups[op] = Group.flow;
  for (const op of callOps) groups[op] = Group.call;
  groups.fill(Group.bulk, Op.memorySize, Op.memoryGrow + 1);
  groups.fill(Group.bulk, Op.memoryInit, Op.tableFill + 1);
  groups[Op.tableSet] = Group.bulk;
  for (let op = gcBase; op < miscBase; op++) {
    if (shapeOf[op] !== Shape.none && groups[op] === Group.plain) groups[op] = Group.gc;
  }
  groups.fill(Group.refused, atomicBase, opCount);
  return groups;
}

function buildWeights(): Uint8Array {
  const weights = new Uint8Array(opCount).fill(1);
  for (const op of [Op.nop, Op.block, Op.loop, Op.else, Op.try, Op.catch, Op.end]) weights[op] = 0;
  for (const op of [Op.catchAll, Op.tryTable, Op.delegate]) weights[op] = 0;
  // Division takes 20 to 40 cycles, square roots up to 20.
  weights.fill(8, 0x6d, 0x71);
  weights.fill(8, 0x7f, 0x83);
  weights[0x91] = 4;
  weights[0x95] = 4;
  weights[0x9f] = 8;
  weights[0xa3] = 8;
  // Some vector instructions take several of the machine's.
  weights.fill(2, simdBase, atomicBase);
  // Exceptions allocate, and unwinding costs 35 ns a frame.
  for (const op of [Op.throw, Op.rethrow, Op.throwRef]) weights[op] = 250;
  return weights;
}

/**
 * What the meter passes: instructions it only counts, with indices that exist. Stores that are
 * marked are no such; `locals` is there where they are.
 */
export function planPassing(shape: ModuleShape, locals: LocalValues | undefined): PassPlan {
  const stopsAt = (op: number): boolean => {
    const group = groupOf[op];
    if (group === Group.store) return locals !== undefined;
    if (group === Group.indexed) return shapeOf[op] !== Shape.global;
    return group !== Group.plain && group !== Group.local && group !== Group.load;
  };
  const plan = planPass(stopsAt, { weights: weightOf, used: new Uint8Array(opCount), locals });
  for (let op = 0; op < plan.bounds.length; op++) {
    if (shapeOf[op] === Shape.global) plan.bounds[op] = shape.globals.length;
    else if (shapeOf[op] === Shape.memarg) plan.bounds[op] = shape.memories.length;
  }
  return plan;
}

/** Paths that differ by no more than this meet without a payment: the heavier stands for both. */
export const mergeSlack = 64;

export const groupOf: Uint8Array = buildGroups();
export const weightOf: Uint8Array = buildWeights();
