/**
 * Short loops are written several times over, so that the rounds of a few instructions share one
 * payment and one of V8's own looks at its stack. V8 unrolls loops itself, but only such as call
 * nothing, and asking the host is a call. A loop that `br_if` closes gets a label around it:
 *
 *   block
 *     loop
 *       …                    a round
 *       br_if 1              where its condition does not hold
 *       …                    another
 *       br_if 1
 *       counter ≥ quantum ? counter = spend(counter)
 *       counter += weight of the rounds
 *       br 0
 *     end
 *   end
 *
 * The sum comes behind the test: a block that does something before it goes back is what V8 places
 * in front of the loop, so that entering jumps over what it puts in to align the loop.
 */
import { InstructionCursor, isLabelBranch, isRetargeted } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { LoopFact } from '../binary/scan.ts';
import { unrolledRoundsMax } from '../binary/short-loops.ts';
import { callQuantum, callWeight, localQuantum } from './contract.ts';
import type { Emitter } from './emitter.ts';
import type { Frame, FrameStack } from './frames.ts';
import { Group, groupOf, mergeSlack, weightOf } from './weights.ts';

/** Heavier rounds gain little, and their code is long. */
const roundWeightMax = 24;

/** Where a round calls, the call costs more than its payment. */
const callingRoundsMax = 2;

/** Loops that call keep their counter low enough for the calls to need no test of their own. */
const callingQuantum = (7 * callQuantum) / 4;

const unfit = LoopFact.hasLoop | LoopFact.namesLabels;
const noResult = -0x40;

/** From which count on a loop pays. */
export function quantumOf(facts: number): number {
  return (facts & LoopFact.calls) !== 0 ? callingQuantum : localQuantum;
}

export class Unroller {
  readonly #ahead: InstructionCursor;
  readonly #frames: FrameStack;
  readonly #emitter: Emitter;
  #weight = 0;
  /** Where the branch back of the loop stands that was looked at last. */
  tailAt = -1;

  constructor(bytes: Uint8Array, frames: FrameStack, emitter: Emitter) {
    this.#ahead = new InstructionCursor(bytes);
    this.#frames = frames;
    this.#emitter = emitter;
  }

  /**
   * Opens the loop under the cursor, which has the innermost frame, if it is to be written several
   * times. Its quantum becomes lower by the weight of its rounds, which is added behind the test.
   */
  begin(frame: Frame, cursor: InstructionCursor, facts: number): boolean {
    if ((facts & LoopFact.isShort) === 0 || (facts & unfit) !== 0) return false;
    if (cursor.a !== noResult) return false;
    const tail = this.#findTail(cursor.pos);
    if (tail < 0) return false;
    const most = (facts & LoopFact.calls) === 0 ? unrolledRoundsMax : callingRoundsMax;
    // Who leaves the loop early has paid for all of them.
    const rounds = Math.min(most, 1 + Math.floor(mergeSlack / this.#weight));
    if (rounds < 2) return false;
    frame.quantum -= rounds * this.#weight;
    frame.roundsLeft = rounds;
    frame.bodyAt = cursor.pos;
    frame.isConditional = tail === Op.brIf;
    if (frame.isConditional) {
      this.#emitter.copyTo(cursor.at);
      this.#emitter.beginExit();
      this.#frames.addExit(frame);
    }
    return true;
  }

  /**
   * The branch back at the end of the loop whose body begins at `start`; -1 where there is another
   * one, or where a round is too heavy. Leaves the most that a round weighs.
   */
  #findTail(start: number): number {
    const ahead = this.#ahead;
    ahead.pos = start;
    let instructions = 0;
    let calls = 0;
    let depth = 0;
    let tail = -1;
    while (instructions <= roundWeightMax && ahead.next()) {
      const { op } = ahead;
      if (op === Op.end && depth-- === 0) {
        this.#weight = Math.max(1, instructions + calls * callWeight);
        return tail;
      }
      if (tail >= 0 || isUnfit(op)) return -1;
      instructions += weightOf[op] ?? 1;
      if (op === Op.block || op === Op.if) depth++;
      else if (groupOf[op] === Group.call) calls++;
      else if (isLabelBranch(op) && ahead.a === depth) {
        if (depth > 0 || !isRetargeted(op)) return -1;
        tail = op;
        this.tailAt = ahead.at;
      }
    }
    return -1;
  }

  /** Ends a round. Answers whether another one follows, where the cursor then stands. */
  endRound(frame: Frame, cursor: InstructionCursor): boolean {
    const emitter = this.#emitter;
    emitter.copyTo(cursor.at);
    emitter.skipTo(cursor.pos);
    if (frame.isConditional) emitter.exitUnless();
    frame.roundsLeft--;
    if (frame.roundsLeft === 0) return false;
    cursor.pos = frame.bodyAt;
    emitter.skipTo(frame.bodyAt);
    return true;
  }
}

/** Handlers have labels of their own, and a table may name the loop more than once. */
function isUnfit(op: number): boolean {
  return op === Op.brTable || op === Op.try || op === Op.tryTable;
}
