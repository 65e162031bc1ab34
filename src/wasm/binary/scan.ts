/** One pass over the code of a module: which instructions it has, and how dear compiling it is. */
import { describeFunction } from '../function-list.ts';
import type { ModuleLimits } from '../shape.ts';
import { InstructionCursor, isLabelBranch, isRetargeted, namesLabel, planPass } from './cursor.ts';
import { Op, opCount } from './opcodes.ts';
import { sumOperands } from './operands.ts';
import { refuseModule } from './reader.ts';
import { shortLoopBytesMax, unrolledRoundsMax } from './short-loops.ts';

/** Locals the meter may add to a function: counted in, so that a metered body stays below too. */
const addedLocals = 6;

/** Control operators the meter may put around and into a loop. */
const addedToLoop = 6;

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
  /** One byte an instruction: 1 where some body has it. */
  readonly instructionsUsed: Uint8Array;
  /** One byte a loop, in the order of the code: bits of `LoopFact`. */
  readonly loops: Uint8Array;
}

/** What the meter wants to know of a loop before it comes to its body. */
export const LoopFact = {
  /** A `br_if` goes back to it. */
  hasBrIf: 1,
  /** It calls, outside the loops within it. */
  calls: 2,
  /** Something within it names a label that `retargetBranch` does not rewrite. */
  namesLabels: 4,
  /** There is a loop within it. */
  hasLoop: 8,
  /** It may be written several times: it is short, and there is no loop within it. */
  isShort: 16,
} as const;

/** Reads every body; refuses unknown instructions, unbalanced ends and compile bombs. */
export function scanCode(
  bytes: Uint8Array,
  bodies: Uint32Array,
  limits: Pick<ModuleLimits, 'localsMax' | 'compileWorkMax' | 'labelEdgesMax'>,
  firstFunction = 0,
): CodeFacts {
  const scanner = new BodyScanner();
  for (let i = 0; i < bodies.length; i += 2) {
    const start = bodies[i] ?? 0;
    const cursor = new InstructionCursor(bytes, start, bodies[i + 1] ?? 0);
    const localCount = skipLocals(cursor, limits.localsMax);
    const controlCount = scanner.scan(cursor);
    if ((localCount + addedLocals) * controlCount > limits.compileWorkMax) {
      const which = describeFunction(bytes, firstFunction + i / 2);
      throw refuseModule(
        `locals times control operators of a function may be ${limits.compileWorkMax}`,
        `${localCount} locals and ${controlCount} operators in ${which}`,
        start,
      );
    }
    if (mayHoldOperands(cursor, start, controlCount, limits)) {
      const operands = sumOperands(cursor, (op) => isControl[op] === 1);
      if (operands > limits.compileWorkMax) {
        const which = describeFunction(bytes, firstFunction + i / 2);
        throw refuseModule(
          `operands that wait at control operators of a function may be ${limits.compileWorkMax}`,
          `${operands} in ${which}`,
          start,
        );
      }
    }
    if (scanner.edgesMost > limits.labelEdgesMax) {
      const which = describeFunction(bytes, firstFunction + i / 2);
      throw refuseModule(
        `branches to one label may be ${limits.labelEdgesMax}`,
        `${scanner.edgesMost} in ${which}`,
        start,
      );
    }
  }
  return { instructionsUsed: scanner.used, loops: scanner.loops() };
}

/** Looked at closely only where it may be: no body has more operands than half of its bytes. */
function mayHoldOperands(
  cursor: InstructionCursor,
  start: number,
  controlCount: number,
  limits: Pick<ModuleLimits, 'localsMax' | 'compileWorkMax'>,
): boolean {
  const operandsMost = (cursor.end - start) / 2;
  if (operandsMost * controlCount <= limits.compileWorkMax) return false;
  cursor.pos = start;
  skipLocals(cursor, limits.localsMax);
  return true;
}

const noLoop = -1;

function isStructural(op: number): boolean {
  return isControl[op] === 1 || op === Op.end || (op >= Op.call && op <= Op.delegate);
}

class BodyScanner {
  readonly used = new Uint8Array(opCount);
  readonly #plan = planPass(isStructural, { weights: new Uint8Array(opCount), used: this.used });
  #loops = new Uint8Array(1024);
  #loopCount = 0;
  /** For each open label the number of its loop, or `noLoop`. */
  readonly #labels: number[] = [];
  /** For each open label the number of the innermost loop it is in. */
  readonly #around: number[] = [];
  /** For each open loop where its code begins, and the control operators before that. */
  readonly #starts: number[] = [];
  readonly #controlsBefore: number[] = [];
  /** Up to here the innermost loop may be short. */
  #shortEnd = 0;
  /** For each open label how many branches go to it. */
  readonly #edges: number[] = [];
  #controlCount = 0;
  /** The most branches to one label of the body that was scanned last. */
  edgesMost = 0;

  loops(): Uint8Array {
    return this.#loops.slice(0, this.#loopCount);
  }

  /** Walks one body; answers how many control operators it has. */
  scan(cursor: InstructionCursor): number {
    const { used } = this;
    const labels = this.#labels;
    labels.length = 0;
    this.#around.length = 0;
    this.#starts.length = 0;
    this.#controlsBefore.length = 0;
    this.#edges.length = 0;
    this.edgesMost = 0;
    this.#controlCount = 0;
    this.#shortEnd = 0;
    this.#open(noLoop);
    const plan = this.#plan;
    for (;;) {
      cursor.pass(plan);
      if (!cursor.next()) break;
      const { op } = cursor;
      used[op] = 1;
      // Before anything is opened or closed: the labels named are those around the instruction.
      if (namesLabel(op) && !isRetargeted(op)) this.#markAround(LoopFact.namesLabels);
      if (isControl[op] === 1) this.#controlCount += this.#control(cursor, op);
      else if (op >= Op.call && op <= Op.callRef) this.#markAround(LoopFact.calls);
      else if (op === Op.end || op === Op.delegate) {
        this.#close(cursor.pos);
        if (labels.length === 0 && cursor.pos !== cursor.end) break;
      }
    }
    if (labels.length !== 0 || cursor.op !== Op.end || cursor.pos !== cursor.end) {
      throw refuseModule('a body ends with its last end', 'another structure', cursor.at);
    }
    return this.#controlCount;
  }

  #control(cursor: InstructionCursor, op: number): number {
    const labels = this.#labels;
    this.#countEdges(cursor, op);
    if (op === Op.loop) {
      this.#open(this.#addLoop());
      this.#starts.push(cursor.pos);
      this.#controlsBefore.push(this.#controlCount + 1 + addedToLoop);
      this.#shortEnd = cursor.pos + shortLoopBytesMax;
      return 1 + addedToLoop;
    }
    if (op <= Op.if || op === Op.try || op === Op.tryTable) this.#open(noLoop);
    else if (op === Op.brIf) {
      const loop = labels[labels.length - 1 - cursor.a] ?? noLoop;
      if (loop !== noLoop) this.#mark(loop, LoopFact.hasBrIf);
    } else if (op === Op.brTable) return cursor.labels.length;
    return op === Op.tryTable ? 1 + cursor.labels.length : 1;
  }

  #countEdges(cursor: InstructionCursor, op: number): void {
    if (op === Op.brTable || op === Op.tryTable) {
      for (const label of cursor.labels) this.#countEdge(label, 1);
      return;
    }
    // In a loop that may be short: of another one more are counted than there are.
    const times = cursor.pos <= this.#shortEnd ? unrolledRoundsMax : 1;
    if (op === Op.return) this.#countEdge(this.#labels.length - 1, times);
    else if (isLabelBranch(op)) this.#countEdge(cursor.a, times);
  }

  #countEdge(label: number, times: number): void {
    const index = this.#labels.length - 1 - label;
    const edges = (this.#edges[index] ?? 0) + times;
    this.#edges[index] = edges;
    if (edges > this.edgesMost) this.edgesMost = edges;
  }

  /** Leaves a label; what a loop within a loop holds, the outer one holds too. */
  #close(end: number): void {
    const loop = this.#labels.pop() ?? noLoop;
    this.#around.pop();
    this.#edges.pop();
    if (loop === noLoop) return;
    const start = this.#starts.pop() ?? 0;
    const controlsBefore = this.#controlsBefore.pop() ?? 0;
    // The loop around it has one within it.
    this.#shortEnd = 0;
    const facts = this.#loops[loop] ?? 0;
    this.#markAround((facts & LoopFact.namesLabels) | LoopFact.hasLoop);
    if (end - start > shortLoopBytesMax || (facts & LoopFact.hasLoop) !== 0) return;
    this.#mark(loop, LoopFact.isShort);
    const within = this.#controlCount - controlsBefore;
    this.#controlCount += (unrolledRoundsMax - 1) * within;
  }

  #open(loop: number): void {
    const around = this.#around[this.#around.length - 1] ?? noLoop;
    this.#labels.push(loop);
    this.#edges.push(0);
    this.#around.push(loop === noLoop ? around : loop);
  }

  #mark(loop: number, fact: number): void {
    this.#loops[loop] = (this.#loops[loop] ?? 0) | fact;
  }

  /** Marks the innermost loop around the cursor. */
  #markAround(fact: number): void {
    const loop = this.#around[this.#around.length - 1] ?? noLoop;
    if (loop !== noLoop) this.#mark(loop, fact);
  }

  #addLoop(): number {
    if (this.#loopCount === this.#loops.length) {
      const grown = new Uint8Array(2 * this.#loopCount);
      grown.set(this.#loops);
      this.#loops = grown;
    }
    return this.#loopCount++;
  }
}

/**
 * Passes over local declarations; answers how many locals they declare. Refuses more than
 * `localsMax`, and references to a type beyond `typeCount`, where that is known.
 */
export function skipLocals(
  cursor: InstructionCursor,
  localsMax: number,
  typeCount = Number.POSITIVE_INFINITY,
): number {
  const groupCount = cursor.readCount('local declarations', localsMax);
  let localCount = 0;
  for (let i = 0; i < groupCount; i++) {
    const offset = cursor.pos;
    localCount += cursor.readU32();
    if (localCount > localsMax) {
      throw refuseModule(`at most ${localsMax} locals are allowed`, `${localCount}`, offset);
    }
    const type = cursor.readByte();
    const heapType = type === 0x63 || type === 0x64 ? cursor.readS33() : -1;
    if (heapType >= typeCount) throw refuseModule('types must exist', `number ${heapType}`, offset);
  }
  return localCount;
}
