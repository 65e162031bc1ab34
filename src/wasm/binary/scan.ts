/** One pass over the code of a module: which instructions it has, and how dear compiling it is. */
import type { ModuleLimits } from '../shape.ts';
import { InstructionCursor, isLabelBranch } from './cursor.ts';
import { Op, opCount } from './opcodes.ts';
import { refuseModule } from './reader.ts';

/** Locals the meter may add to a function: counted in, so that a metered body stays below too. */
const addedLocals = 6;

function buildControlTable(): Uint8Array {
  const table = new Uint8Array(opCount);
  const control = [
    Op.block,
    Op.loop,
    Op.if,
    Op.else,
    Op.try,
    Op.catch,
    Op.catchAll,
    Op.tryTable,
    Op.brTable,
    Op.return,
  ];
  for (const op of control) table[op] = 1;
  for (let op = 0; op < opCount; op++) if (isLabelBranch(op)) table[op] = 1;
  return table;
}

const isControl = buildControlTable();

export interface CodeFacts {
  readonly instructionsUsed: Uint8Array;
  readonly usesSecondMemory: boolean;
}

/** Reads every body; refuses unknown instructions, unbalanced ends and compile bombs. */
export function scanCode(
  bytes: Uint8Array,
  bodies: Uint32Array,
  limits: Pick<ModuleLimits, 'localsMax' | 'compileWorkMax'>,
): CodeFacts {
  const instructionsUsed = new Uint8Array(opCount);
  let usesSecondMemory = false;
  for (let i = 0; i < bodies.length; i += 2) {
    const start = bodies[i] ?? 0;
    const cursor = new InstructionCursor(bytes, start, bodies[i + 1] ?? 0);
    const localCount = skipLocals(cursor, limits.localsMax);
    const { controlCount, usesMemories } = scanBody(cursor, instructionsUsed);
    usesSecondMemory ||= usesMemories;
    if ((localCount + addedLocals) * controlCount > limits.compileWorkMax) {
      throw refuseModule(
        `locals times control operators of a function may be ${limits.compileWorkMax}`,
        `${localCount} locals and ${controlCount} operators`,
        start,
      );
    }
  }
  return { instructionsUsed, usesSecondMemory };
}

function scanBody(
  cursor: InstructionCursor,
  used: Uint8Array,
): { controlCount: number; usesMemories: boolean } {
  let depth = 1;
  let controlCount = 0;
  let usesMemories = false;
  while (cursor.next()) {
    const { op } = cursor;
    used[op] = 1;
    if (isControl[op] === 1) {
      controlCount += op === Op.brTable ? cursor.labels.length : 1;
      if (op === Op.tryTable) controlCount += cursor.labels.length;
      if (op <= Op.if || op === Op.try || op === Op.tryTable) depth++;
    } else if (op === Op.end || op === Op.delegate) {
      depth--;
      if (depth === 0 && cursor.pos !== cursor.end) break;
    } else if (op >= Op.i32Load && op <= Op.i32Store8 + 4 && cursor.a > 0) {
      usesMemories = true;
    }
  }
  if (depth !== 0 || cursor.op !== Op.end || cursor.pos !== cursor.end) {
    throw refuseModule('a body ends with its last end', 'another structure', cursor.at);
  }
  return { controlCount, usesMemories };
}

/** Passes over local declarations; answers how many locals they declare. */
export function skipLocals(cursor: InstructionCursor, localsMax: number): number {
  const groupCount = cursor.readCount('local declarations', localsMax);
  let localCount = 0;
  for (let i = 0; i < groupCount; i++) {
    const offset = cursor.pos;
    localCount += cursor.readU32();
    if (localCount > localsMax) {
      throw refuseModule(`at most ${localsMax} locals are allowed`, `${localCount}`, offset);
    }
    const type = cursor.readByte();
    if (type === 0x63 || type === 0x64) cursor.readS33();
  }
  return localCount;
}
