/** The labels around an instruction, and what the code running to each of them still owes. */
import type { MarkedPlaces } from './marked-places.ts';

export const FrameKind = { func: 0, block: 1, loop: 2, if: 3 } as const;

/** Labels a detour puts around its loop, and loops that are written several times. */
const detourLabels = 3;
const exitLabels = 1;

export class Frame {
  kind = 0;
  /** Most that is owed by any branch to the label so far; -1 where none was seen. */
  labelPending = -1;
  /** Whether the counter may be non-zero on some branch to the label. */
  isLabelLive = false;
  /** Most the counter may hold there. */
  labelCounted = 0;
  entryPending = 0;
  entryCounted = 0;
  isEntryLive = false;
  isEntryReachable = true;
  /** A loop pays its counter when that reaches this. */
  quantum = 0;
  /** A loop's weight of one round, and where in the output it is to be written. */
  roundWeight = 1;
  weightAt = -1;
  /** A loop that is written several times: its rounds still to be written, and where one begins. */
  roundsLeft = 0;
  bodyAt = -1;
  /** Its branch back is a `br_if`. */
  isConditional = false;
  /** Labels around the frame in the output. */
  writtenDepth = 0;
  /** Those of them that the meter put around a loop. */
  addedLabels = 0;
  /** What holds of `MarkedPlaces` where the frame begins. */
  markCount = 0;
  markFirstOfLoop = 0;

  get hasDetour(): boolean {
    return this.addedLabels === detourLabels;
  }

  get hasExit(): boolean {
    return this.addedLabels === exitLabels;
  }

  /** Takes in what another path to the label owes. */
  join(pending: number, counted: number, isLive: boolean): void {
    if (pending > this.labelPending) this.labelPending = pending;
    if (counted > this.labelCounted) this.labelCounted = counted;
    if (isLive) this.isLabelLive = true;
  }
}

export const noDetour = -1;

/** A stack of frames that are used again for the next body. */
export class FrameStack {
  readonly #frames: Frame[] = [];
  depth = 0;
  /** Labels of the output, those of detours included. */
  #writtenDepth = 0;
  readonly #marked: MarkedPlaces | undefined;

  constructor(marked: MarkedPlaces | undefined) {
    this.#marked = marked;
  }

  clear(): void {
    this.#marked?.begin();
    this.depth = 0;
    this.#writtenDepth = 0;
  }

  /** Puts the labels of a detour around `frame`, the innermost. */
  addDetour(frame: Frame): void {
    this.#addLabels(frame, detourLabels);
  }

  /** Puts the label of an exit around `frame`, the innermost. */
  addExit(frame: Frame): void {
    this.#addLabels(frame, exitLabels);
  }

  #addLabels(frame: Frame, count: number): void {
    frame.addedLabels = count;
    frame.writtenDepth += count;
    this.#writtenDepth += count;
  }

  /** Whether labels have other numbers here than in the original. */
  get areLabelsShifted(): boolean {
    return this.#writtenDepth !== this.depth;
  }

  /** The label by which the loop of `frame` is left for its detour; -1 where it has none. */
  detourLabel(frame: Frame): number {
    return frame.hasDetour ? this.#writtenDepth - frame.writtenDepth : noDetour;
  }

  /** The number of `label` in the output. */
  writtenLabel(label: number): number {
    const frame = this.at(label);
    return frame === undefined ? label : this.#writtenDepth - 1 - frame.writtenDepth;
  }

  push(kind: number): Frame {
    let frame = this.#frames[this.depth];
    if (frame === undefined) {
      frame = new Frame();
      this.#frames[this.depth] = frame;
    }
    this.depth++;
    frame.kind = kind;
    frame.labelPending = -1;
    frame.labelCounted = 0;
    frame.isLabelLive = false;
    frame.roundWeight = 1;
    frame.weightAt = -1;
    frame.roundsLeft = 0;
    frame.writtenDepth = this.#writtenDepth++;
    frame.addedLabels = 0;
    if (this.#marked !== undefined) this.#beginMarks(this.#marked, frame);
    return frame;
  }

  pop(): Frame | undefined {
    const frame = this.depth > 0 ? this.#frames[--this.depth] : undefined;
    if (frame !== undefined) {
      this.#writtenDepth = frame.writtenDepth - frame.addedLabels;
      this.#marked?.leave(frame.markCount, frame.markFirstOfLoop);
    }
    return frame;
  }

  /** What was marked in the innermost frame so far may not be, where its next part runs. */
  beginPart(): void {
    const frame = this.at(0);
    if (frame !== undefined) this.#marked?.forget(frame.markCount);
  }

  #beginMarks(marked: MarkedPlaces, frame: Frame): void {
    frame.markCount = marked.count;
    frame.markFirstOfLoop = marked.firstOfLoop;
    if (frame.kind === FrameKind.loop) marked.enterLoop();
  }

  /** The frame `label` levels up; 0 is the innermost. */
  at(label: number): Frame | undefined {
    return label < this.depth ? this.#frames[this.depth - 1 - label] : undefined;
  }
}
