/** The labels around an instruction, and what the code running to each of them still owes. */

export const FrameKind = { func: 0, block: 1, loop: 2, if: 3 } as const;

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
}

/** A stack of frames that are used again for the next body. */
export class FrameStack {
  readonly #frames: Frame[] = [];
  depth = 0;

  clear(): void {
    this.depth = 0;
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
    return frame;
  }

  pop(): Frame | undefined {
    return this.depth > 0 ? this.#frames[--this.depth] : undefined;
  }

  /** The frame `label` levels up; 0 is the innermost. */
  at(label: number): Frame | undefined {
    return label < this.depth ? this.#frames[this.depth - 1 - label] : undefined;
  }
}
