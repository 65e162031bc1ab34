/**
 * Rewrites one function body. A single pass: what the code owes at each point is known statically
 * as an upper bound (`pending`) beside what a local counter holds at run time. Payments are made
 *  - at loop heads into the counter, which is paid into fuel when it reaches the local quantum,
 *  - where an activation can end (return, end, tail call, and before anything that may throw),
 *  - before calls, where much is owed, or where an exception could skip the payment.
 * Where paths of different weight meet, the heavier pays the difference into the counter.
 */
import { InstructionCursor, isLabelBranch, type PassPlan } from '../binary/cursor.ts';
import type { LocalValues } from '../binary/local-values.ts';
import { Op } from '../binary/opcodes.ts';
import { refuseModule } from '../binary/reader.ts';
import { LoopFact, skipLocals } from '../binary/scan.ts';
import type { ByteWriter } from '../binary/writer.ts';
import { countParams } from '../shape.ts';
import type { BodyContext } from './body-context.ts';
import { callQuantum, callWeight, freeWeightMax, localQuantum } from './contract.ts';
import { closeLoop, mayDetour, retargetBranch } from './detour.ts';
import { type Emitter, type LoopPayment, localsMax } from './emitter.ts';
import { type Frame, FrameKind, FrameStack, noDetour } from './frames.ts';
import { quantumOf, Unroller } from './unroll.ts';
import { Group, groupOf, mergeSlack, planPassing, weightOf } from './weights.ts';

/** What a round of a loop may weigh before its heavier paths pay for themselves. */
const lightRound = 64;

export class BodyRewriter {
  readonly #context: BodyContext;
  readonly #emitter: Emitter;
  readonly #frames: FrameStack;
  readonly #locals: LocalValues | undefined;
  readonly #plan: PassPlan;
  readonly #unroller: Unroller;
  #cursor: InstructionCursor;
  /** Most the code up to here may owe beside the counter. */
  #pending = 0;
  /** Whether the counter may be non-zero here. */
  #isLive = false;
  #isReachable = true;
  /** Most the counter may hold here. */
  #counted = 0;
  #functionIndex = 0;
  /** Loops seen in all bodies so far. */
  #loopNumber = 0;

  constructor(context: BodyContext) {
    this.#context = context;
    this.#emitter = context.emitter;
    this.#cursor = new InstructionCursor(context.bytes, 0, 0);
    const { marking } = context.replacer;
    this.#locals = marking?.locals;
    this.#frames = new FrameStack(marking?.places);
    this.#plan = planPassing(context.shape, this.#locals);
    this.#unroller = new Unroller(context.bytes, this.#frames, context.emitter);
  }

  /** Appends body number `bodyIndex` (imports not counted), rewritten, to `target`. */
  rewrite(bodyIndex: number, target: ByteWriter): void {
    const { bytes, shape, hints } = this.#context;
    const at = shape.bodies[bodyIndex * 2] ?? 0;
    const cursor = new InstructionCursor(bytes, at, shape.bodies[bodyIndex * 2 + 1] ?? 0);
    const groupCount = cursor.readU32();
    cursor.pos = at;
    const functionIndex = shape.importedFunctionCount + bodyIndex;
    this.#functionIndex = functionIndex;
    const declared = skipLocals(cursor, localsMax, shape.types.length);
    const localCount = declared + countParams(shape, functionIndex);
    const end = cursor.pos;
    this.#begin(cursor, localCount);
    this.#context.stops?.enter(functionIndex, this.#emitter);
    this.#walk(localCount);
    this.#emitter.copyTo(cursor.end);
    const codeAt = this.#emitter.finish(target, { at, groupCount, end, count: localCount });
    hints.add(functionIndex, this.#emitter.unlikely, codeAt);
  }

  #begin(cursor: InstructionCursor, localCount: number): void {
    this.#cursor = cursor;
    this.#emitter.begin(cursor.pos, localCount);
    this.#frames.clear();
    this.#locals?.begin(localCount);
    this.#pending = 0;
    this.#isLive = false;
    this.#isReachable = true;
    this.#counted = 0;
    this.#push(FrameKind.func);
  }

  #walk(localCount: number): void {
    const cursor = this.#cursor;
    const { replacer } = this.#context;
    const plan = this.#plan;
    plan.bounds.fill(localCount, Op.localGet, Op.localTee + 1);
    for (;;) {
      this.#pending += cursor.pass(plan);
      if (!cursor.next()) break;
      const { op } = cursor;
      const group = groupOf[op] ?? Group.refused;
      this.#pending += weightOf[op] ?? 1;
      if (group !== Group.store) this.#locals?.note(op, cursor.a);
      if (group === Group.plain) continue;
      if (group === Group.local) {
        if (cursor.a >= localCount) this.#refuse('locals', cursor.a);
      } else if (group === Group.flow) this.#flow(op);
      else if (group === Group.call) this.#call(op);
      else replacer.replace(group, cursor, this.#emitter);
    }
  }

  #refuse(what: string, index: number): never {
    throw refuseModule(`${what} must exist`, `number ${index}`, this.#cursor.at);
  }

  #frameAt(label: number): Frame {
    return this.#frames.at(label) ?? this.#refuse('labels', label);
  }

  #push(kind: number): Frame {
    const frame = this.#frames.push(kind);
    frame.entryPending = this.#pending;
    frame.entryCounted = this.#counted;
    frame.isEntryLive = this.#isLive;
    frame.isEntryReachable = this.#isReachable;
    return frame;
  }

  #flow(op: number): void {
    if (this.#cursor.at === this.#unroller.tailAt && this.#endRound()) return;
    if (op <= Op.if || op === Op.try || op === Op.tryTable) this.#enter(op);
    else if (op === Op.end || op === Op.delegate) this.#leave(op);
    else if (op === Op.else) this.#else();
    else if (op === Op.catch || op === Op.catchAll) this.#handler(op);
    else if (op === Op.br) this.#br();
    else if (op === Op.brTable) this.#brTable();
    else if (isLabelBranch(op)) this.#brIf(op);
    else this.#stop(op);
    retargetBranch(this.#cursor, this.#frames, this.#emitter);
  }

  #enter(op: number): void {
    if (op === Op.unreachable) {
      this.#setUnreachable();
      return;
    }
    this.#context.replacer.checkTypes(this.#cursor);
    if (op === Op.tryTable) this.#catchClauses();
    if (op !== Op.loop) {
      this.#push(op === Op.if ? FrameKind.if : FrameKind.block);
      return;
    }
    this.#enterLoop();
  }

  /**
   * A loop with a `br_if` back to it pays its heaviest round at the head, once that is known:
   * between a condition and its branch a payment would keep V8 from joining the two. Others pay
   * each round before they go back, which is exact, and kinder to dispatching loops; and so do
   * short loops, several rounds at once.
   */
  #enterLoop(): void {
    const frame = this.#push(FrameKind.loop);
    const facts = this.#context.shape.loops[this.#loopNumber++] ?? 0;
    frame.quantum = quantumOf(facts);
    if (!this.#isReachable) return;
    this.#isLive = true;
    this.#counted = Math.max(this.#counted, frame.quantum);
    if (this.#unroller.begin(frame, this.#cursor, facts)) return;
    if (mayDetour(facts, this.#cursor.a)) {
      this.#emitter.copyTo(this.#cursor.at);
      this.#emitter.beginDetour(this.#cursor.at, this.#cursor.pos);
      this.#frames.addDetour(frame);
    }
    if ((facts & LoopFact.hasBrIf) === 0) return;
    this.#counted = frame.quantum;
    this.#emitter.copyTo(this.#cursor.pos);
    frame.weightAt = this.#emitter.loopHead(this.#payment(frame));
  }

  /** Whether the cursor was at the branch back of a loop that is written several times. */
  #endRound(): boolean {
    const frame = this.#frames.at(0);
    if (frame === undefined || frame.roundsLeft === 0 || !this.#isReachable) return false;
    if (frame.isConditional) frame.join(this.#pending, this.#counted, this.#isLive);
    if (this.#unroller.endRound(frame, this.#cursor)) return true;
    const weight = Math.max(1, this.#pending - frame.entryPending);
    this.#emitter.payAndGoRound(weight, this.#payment(frame));
    this.#setUnreachable();
    return true;
  }

  /** A detour needs the operands of its branch alone on the stack: not the index of a table. */
  #payment(frame: Frame): LoopPayment {
    const detour = this.#cursor.op === Op.brTable ? noDetour : this.#frames.detourLabel(frame);
    return { quantum: frame.quantum, spendFunction: this.#context.charges.spend(), detour };
  }

  /** Clauses are entered from calls and throws, before which everything was paid. */
  #catchClauses(): void {
    const { labels, tags } = this.#cursor;
    for (const tag of tags) this.#context.replacer.checkTag(this.#cursor, tag);
    for (const label of labels) this.#reach(this.#frameAt(label), 0);
  }

  #reach(frame: Frame, pending: number): void {
    if (frame.kind !== FrameKind.loop) frame.join(pending, this.#counted, this.#isLive);
  }

  #setUnreachable(): void {
    this.#isReachable = false;
    this.#pending = 0;
  }

  /** Moves `weight` from the static bound into the counter, or pays where that holds much. */
  #materialise(weight: number): void {
    if (weight <= 0) return;
    if (this.#counted + weight > 2 * localQuantum) {
      this.#pay(false);
      return;
    }
    this.#emitter.copyTo(this.#cursor.at);
    this.#emitter.count(weight);
    this.#counted += weight;
    this.#isLive = true;
  }

  /** Brings what is owed down to what other paths to the same label owe. */
  #settle(floor: number): void {
    if (this.#pending <= floor + mergeSlack) return;
    this.#materialise(this.#pending - floor);
    this.#pending = floor;
  }

  #leave(op: number): void {
    if (op === Op.delegate && this.#cursor.a >= this.#frames.depth) {
      this.#refuse('labels', this.#cursor.a);
    }
    const frame = this.#frames.at(0);
    if (frame === undefined) return;
    if (frame.kind === FrameKind.func) {
      // Branches to the function's label have paid, or are free: only falling through is left.
      if (this.#isReachable) this.#payExit(true);
      this.#frames.pop();
      return;
    }
    if (frame.kind === FrameKind.if && frame.isEntryReachable) {
      frame.join(frame.entryPending, frame.entryCounted, frame.isEntryLive);
    }
    if (frame.kind === FrameKind.loop) closeLoop(frame, this.#cursor, this.#context);
    if (this.#isReachable) {
      if (frame.labelPending >= 0) this.#settle(frame.labelPending);
      frame.join(this.#pending, this.#counted, this.#isLive);
    }
    this.#frames.pop();
    this.#counted = frame.labelCounted;
    this.#isReachable = frame.labelPending >= 0;
    this.#pending = Math.max(frame.labelPending, 0);
    this.#isLive = frame.isLabelLive;
  }

  /** Another part of the innermost frame begins, which may run without the one before it. */
  #endPart(): Frame | undefined {
    const frame = this.#frames.at(0);
    if (frame === undefined) return undefined;
    if (this.#isReachable) {
      this.#settle(Math.max(frame.labelPending, frame.entryPending));
      this.#reach(frame, this.#pending);
    }
    this.#frames.beginPart();
    return frame;
  }

  #else(): void {
    const frame = this.#endPart();
    if (frame === undefined) return;
    frame.kind = FrameKind.block;
    this.#pending = frame.entryPending;
    this.#counted = frame.entryCounted;
    this.#isLive = frame.isEntryLive;
    this.#isReachable = frame.isEntryReachable;
  }

  #handler(op: number): void {
    if (op === Op.catch) this.#context.replacer.checkTag(this.#cursor, this.#cursor.a);
    const frame = this.#endPart();
    if (frame === undefined) return;
    this.#pending = 0;
    // Whatever can throw was paid for just before, which left the counter at zero.
    this.#isLive = false;
    this.#counted = 0;
    this.#isReachable = frame.isEntryReachable;
  }

  #br(): void {
    const frame = this.#frameAt(this.#cursor.a);
    if (!this.#isReachable) return;
    if (frame.kind === FrameKind.func) this.#payExit(true);
    else if (frame.kind === FrameKind.loop) {
      if (frame.weightAt >= 0) {
        // A heavy round pays itself what exceeds a light one.
        this.#settle(frame.entryPending + Math.max(frame.roundWeight, lightRound));
      }
      this.#goRound(frame);
    } else {
      this.#settle(Math.max(frame.labelPending, frame.entryPending));
      this.#reach(frame, this.#pending);
    }
    this.#setUnreachable();
  }

  #brIf(op: number): void {
    const frame = this.#frameAt(this.#cursor.a);
    if (op === Op.brOnCast || op === Op.brOnCastFail)
      this.#context.replacer.checkTypes(this.#cursor);
    if (!this.#isReachable) return;
    if (frame.kind === FrameKind.func) this.#payExit(false);
    else if (frame.kind === FrameKind.loop) this.#goRound(frame);
    else this.#reach(frame, this.#pending);
  }

  /** A branch back to a head: the head pays for the heaviest of them, or each for itself. */
  #goRound(frame: Frame): void {
    const weight = Math.max(1, this.#pending - frame.entryPending);
    if (frame.weightAt >= 0) {
      frame.roundWeight = Math.max(frame.roundWeight, weight);
      return;
    }
    this.#emitter.copyTo(this.#cursor.at);
    this.#emitter.countAndPay(weight, this.#payment(frame));
    this.#pending = Math.min(this.#pending, frame.entryPending);
    this.#isLive = true;
    this.#counted = frame.quantum;
  }

  #brTable(): void {
    const { labels } = this.#cursor;
    let isExit = false;
    for (const label of labels) {
      if (this.#frameAt(label).kind === FrameKind.func) isExit = true;
    }
    if (!this.#isReachable) return;
    if (isExit) this.#payExit(false);
    // Payments first: what one label is paid for is not owed at the next.
    for (const label of labels) {
      const frame = this.#frameAt(label);
      if (frame.kind === FrameKind.loop) this.#goRound(frame);
    }
    for (const label of labels) this.#reach(this.#frameAt(label), this.#pending);
    this.#setUnreachable();
  }

  /** return, throw and the like: the activation, or this part of it, ends here. */
  #stop(op: number): void {
    if (op === Op.throw) this.#context.replacer.checkTag(this.#cursor, this.#cursor.a);
    if (op === Op.rethrow) this.#frameAt(this.#cursor.a);
    if (op === Op.return) {
      if (this.#isReachable) this.#payExit(true);
    } else if (this.#isReachable) {
      this.#context.replacer.allocateException(this.#cursor, this.#emitter);
      this.#pay(false);
    }
    this.#setUnreachable();
  }

  #call(op: number): void {
    const { replacer, isCatching, watch } = this.#context;
    replacer.checkCall(this.#cursor);
    this.#pending += callWeight;
    const isTail = op === Op.returnCall || op === Op.returnCallIndirect || op === Op.returnCallRef;
    if (!this.#isReachable) return;
    if (isTail) this.#pay(true);
    else if (isCatching || this.#pending > callQuantum) this.#pay(false);
    else if (this.#counted > 2 * callQuantum) {
      this.#emitter.copyTo(this.#cursor.at);
      this.#emitter.payCounter(this.#context.charges.spend());
      this.#counted = callQuantum;
    }
    watch?.rewrite(this.#cursor, this.#emitter, this.#functionIndex);
    if (isTail) this.#setUnreachable();
  }

  #payExit(isLast: boolean): void {
    if (this.#isLive || this.#pending > freeWeightMax) this.#pay(isLast);
  }

  /** Takes the counter and what is owed from fuel, and asks the host when it falls below zero. */
  #pay(isLast: boolean): void {
    const { additions, charges, emitter } = this.#context;
    emitter.copyTo(this.#cursor.at);
    emitter.payFuel({
      pending: this.#pending,
      isLive: this.#isLive,
      fuel: additions.fuel,
      refuelFunction: charges.refuel(),
    });
    if (!isLast) emitter.clearCounter();
    this.#isLive = false;
    this.#pending = 0;
    this.#counted = 0;
  }
}
